// uart_top with the far end of its serial line, and a C interface for ctypes.
//
// The far end is written independently of the design: its only parameter is the length of a bit in
// clock cycles, which may be a fraction.

#include <cstdint>
#include <deque>
#include <exception>
#include <stdexcept>
#include <string>

#include "Vuart_top.h"
#include "verilated.h"

void vl_fatal(const char* file, int line, const char*, const char* message) {
    throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + message);
}
void vl_stop(const char* file, int line, const char*) {
    throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": $stop");
}
void vl_finish(const char* file, int line, const char*) {
    throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": $finish");
}

static constexpr int BITS = 10;  // start, eight of data, stop
static constexpr int RESET_CYCLES = 4;

class Line {
public:
    explicit Line(double bit) : bit(bit), top(&context, "top") { reset(); }
    ~Line() { top.final(); }

    void reset() {
        sending = receiving = false;
        top.rx = 1;
        top.reset = 1;
        for (int i = 0; i < RESET_CYCLES; ++i) edge();
        top.reset = 0;
    }

    void run(uint64_t count) {
        for (uint64_t i = 0; i < count; ++i) {
            send();
            edge();
            receive();
        }
    }

    std::deque<uint8_t> to_send, received;
    uint64_t cycles = 0, framing_errors = 0;

private:
    void edge() {
        top.clock = 1;
        top.eval();
        top.clock = 0;
        top.eval();
        ++cycles;
    }

    void send() {
        if (!sending && !to_send.empty()) {
            word = 0x200 | to_send.front() << 1;
            to_send.pop_front();
            // Consecutive bytes follow the line's time base, not whole clock cycles.
            if (double(cycles) - next_start > 1) next_start = double(cycles);
            sending = true;
        }
        if (!sending) {
            top.rx = 1;
            return;
        }
        const int index = int((double(cycles) - next_start) / bit);
        if (index >= BITS) {
            next_start += BITS * bit;
            sending = false;
            send();
            return;
        }
        top.rx = index < 0 ? 1 : word >> index & 1;
    }

    void receive() {
        if (!receiving) {
            if (top.tx) return;
            receiving = true;
            started = double(cycles);
            bits_read = 0;
            shift = 0;
        }
        if (double(cycles) - started < (bits_read + 0.5) * bit) return;
        shift |= uint32_t(top.tx) << bits_read;
        if (++bits_read < BITS) return;
        receiving = false;
        if ((shift & 1) == 0 && shift >> (BITS - 1) & 1) received.push_back(uint8_t(shift >> 1));
        else ++framing_errors;
    }

    const double bit;
    VerilatedContext context;
    Vuart_top top;
    bool sending = false, receiving = false;
    uint32_t word = 0, shift = 0;
    int bits_read = 0;
    double next_start = 0, started = 0;
};

#define API __attribute__((visibility("default")))

extern "C" {

API Line* line_open(double bit) {
    try {
        return new Line(bit);
    } catch (const std::exception&) {
        return nullptr;
    }
}

API void line_close(Line* line) { delete line; }

API int line_reset(Line* line) {
    try {
        line->reset();
        return 0;
    } catch (const std::exception&) {
        return -1;
    }
}

// Queue bytes, run, return how many received ones were copied to `out`; -1 when the design stops.
API int64_t line_run(Line* line, const uint8_t* data, uint64_t size, uint64_t cycles, uint8_t* out,
                 uint64_t room) {
    try {
        line->to_send.insert(line->to_send.end(), data, data + size);
        line->run(cycles);
        uint64_t count = 0;
        while (count < room && !line->received.empty()) {
            out[count++] = line->received.front();
            line->received.pop_front();
        }
        return int64_t(count);
    } catch (const std::exception&) {
        return -1;
    }
}

API uint64_t line_pending(const Line* line) { return line->to_send.size(); }
API uint64_t line_cycles(const Line* line) { return line->cycles; }
API uint64_t line_framing_errors(const Line* line) { return line->framing_errors; }

}
