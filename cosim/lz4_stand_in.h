// Stand-in for lz4's header where it is not installed, for Verilator's FST writer alone: it writes
// legal LZ4 blocks of one literal run, that is, it does not compress.
//
// Format: a token 0xf0, the length minus 15 in bytes of 255 and a last smaller one, the bytes.

#pragma once

#include <cstring>

inline int LZ4_compressBound(int size) { return size + size / 255 + 16; }

inline int LZ4_compress_default(const char* source, char* target, int size, int room) {
    if (room < LZ4_compressBound(size)) return 0;
    char* at = target;
    if (size < 15) {
        *at++ = char(size << 4);
    } else {
        *at++ = char(0xf0);
        int left = size - 15;
        for (; left >= 255; left -= 255) *at++ = char(255);
        *at++ = char(left);
    }
    std::memcpy(at, source, size);
    return int(at - target) + size;
}
