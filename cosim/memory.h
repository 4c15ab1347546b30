// AXI4 slave memory and AXI-Lite master around one device under test, with a checker of bus rules.
//
// In a cycle, sample() samples every wire just before the rising edge, the edge happens, drive()
// sets the inputs for the next one.  Inputs therefore behave like registers of the same clock.
// cosim/axi_memory.py and cosim/axi_lite.py do the same in Python; a test compares their cycle
// counts.
//
// rules.h is generated from cosim/rules.py: enum Rule and enum Counter.

#pragma once

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "rules.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "wide signals are copied as bytes");

struct Options {
    uint64_t base, size;  // window of memory, multiples of 4096
    uint32_t latency;     // cycles from address accepted to first beat; last beat to response
    uint32_t bandwidth;   // percent of cycles with a beat, each direction
    uint32_t stall;       // percent probability of a stall, per channel and cycle
    uint32_t shy;         // READY waits for VALID
    uint32_t seed;
};

// xorshift32, one for each channel: the same numbers as class Random of cosim/axi_memory.py.
class Random {
public:
    void seed(uint32_t seed, uint32_t channel) {
        state = seed * 0x9e3779b1u + (channel + 1) * 0x85ebca6bu;
        if (state == 0) state = 1;
        for (int i = 0; i < 8; ++i) next();
    }
    uint32_t below(uint32_t limit) { return uint32_t((uint64_t(next()) * limit) >> 32); }

private:
    uint32_t next() {
        state ^= state << 13;
        state ^= state >> 17;
        return state ^= state << 5;
    }
    uint32_t state = 1;
};

// The first broken rule, its cycle and its text.
struct Violation {
    int rule = RULE_NONE;
    uint64_t cycle = 0;
    char text[256] = "";

    __attribute__((format(printf, 4, 5)))
    void report(uint64_t when, int which, const char* format, ...) {
        if (rule != RULE_NONE) return;
        rule = which;
        cycle = when;
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
    }
};

template <class Model>
class Memory {
public:
    static constexpr uint32_t BUS = sizeof(Model::m_axi_rdata);  // bytes of a beat
    static constexpr uint32_t OUTSTANDING = 128;                 // bursts in each direction
    static constexpr uint32_t EARLY = 16;                        // W beats accepted before their AW
    static_assert(BUS == 8 || BUS == 16 || BUS == 32, "memory port of 64, 128 or 256 bits");

    Memory(Model& model, uint8_t* bytes, const Options& options, uint64_t* counters,
           Violation& violation)
        : top(model), bytes(bytes), options(options), counters(counters), violation(violation),
          reads(OUTSTANDING), writes(OUTSTANDING), early(EARLY) {
        for (uint32_t i = 0; i < CHANNELS; ++i) random[i].seed(options.seed, i);
    }

    // Forget everything in flight, as a reset of the whole bus does.
    void reset() {
        read_head = read_tail = write_head = write_fill = write_tail = early_count = 0;
        beat = 0;
        read_credit = write_credit = 0;
        read_taken = answer_taken = false;
        top.m_axi_arready = top.m_axi_awready = top.m_axi_wready = 0;
        top.m_axi_rvalid = top.m_axi_bvalid = 0;
        held = Held();
        for (Span& span : silences) span = Span();
        read_failure = write_failure = Failure();
    }

    // Answer beat `index` of the nth burst from now (0: the next accepted) with `response`; a
    // write burst as a whole.
    void fail(bool write, uint64_t nth, uint32_t index, uint32_t response) {
        (write ? write_failure : read_failure) = {
            counters[write ? COUNTER_WRITE_BURSTS : COUNTER_READ_BURSTS] + nth, index, response};
    }

    // No READY, or no new VALID, on a channel at the edges from..until-1.
    void silence(uint32_t channel, uint64_t from, uint64_t until) {
        if (channel < CHANNELS) silences[channel] = {from, until};
    }

    // Bursts that touch anything but first..last break RULE_WINDOW.
    void guard(uint64_t first, uint64_t last) { guarded = {first, last}; }

    bool idle() const {
        return read_head == read_tail && write_head == write_tail && early_count == 0
            && !top.m_axi_arvalid && !top.m_axi_awvalid && !top.m_axi_wvalid;
    }
    uint64_t failed_address = 0;  // of the last burst with an injected failure
    uint32_t reads_outstanding() const { return read_tail - read_head; }
    // W beats without a burst count as one more.
    uint32_t writes_outstanding() const { return write_tail - write_head + (early_count != 0); }

    void check_reset(uint64_t cycle) {
        if (top.m_axi_arvalid || top.m_axi_awvalid || top.m_axi_wvalid)
            violation.report(cycle, RULE_RESET_VALID, "a VALID of m_axi is high during reset");
    }

    void sample(uint64_t cycle) {
        check_held(cycle);
        if (top.m_axi_arvalid && top.m_axi_arready) accept_read(cycle);
        if (top.m_axi_rvalid && top.m_axi_rready) {
            const Burst& burst = reads[read_head % OUTSTANDING];
            ++counters[COUNTER_READ_BEATS];
            counters[COUNTER_READ_BYTES] += burst.bytes;
            read_taken = true;
            if (++beat == burst.beats) {
                beat = 0;
                ++read_head;
            }
        }
        if (top.m_axi_bvalid && top.m_axi_bready) {
            answer_taken = true;
            ++write_head;
        }
        if (top.m_axi_awvalid && top.m_axi_awready) accept_write(cycle);
        if (top.m_axi_wvalid && top.m_axi_wready) accept_data(cycle);
    }

    // Set the inputs for the edge at `next`.
    void drive(uint64_t next) {
        const bool read_earned = earn(read_credit), write_earned = earn(write_credit);
        const bool ar = speaks(AR, next) && (!options.shy || held.ar);
        const bool r = speaks(R, next);
        const bool aw = speaks(AW, next) && (!options.shy || held.aw);
        const bool w = speaks(W, next) && (!options.shy || held.w);
        const bool b = speaks(B, next);
        top.m_axi_arready = ar && read_tail - read_head < OUTSTANDING;
        top.m_axi_awready = aw && write_tail - write_head < OUTSTANDING;
        top.m_axi_wready = w && write_earned && (write_fill != write_tail || early_count < EARLY);
        if (read_taken) top.m_axi_rvalid = 0;
        if (answer_taken) top.m_axi_bvalid = 0;
        read_taken = answer_taken = false;
        if (!top.m_axi_rvalid && r && read_earned && read_head != read_tail) {
            const Burst& burst = reads[read_head % OUTSTANDING];
            if (burst.ready <= next) present(burst);
        }
        if (!top.m_axi_bvalid && b && write_head != write_fill) {
            const Write& write = writes[write_head % OUTSTANDING];
            if (write.burst.ready <= next) answer(write);
        }
    }

private:
    enum Channel { AR, R, AW, W, B, CHANNELS };

    struct Burst {
        uint64_t address = 0, ready = 0;
        uint32_t beats = 0, bytes = 0;
        bool outside = false;
        uint32_t bad_beat = 0, response = 0;  // of an injected failure
        // Byte address of a beat: only the first may be unaligned (AXI A3.4.1).
        uint64_t at(uint32_t index) const {
            return index == 0 ? address : (address & ~uint64_t(bytes - 1)) + uint64_t(index) * bytes;
        }
    };
    struct Data {
        uint8_t bytes[BUS];
        uint32_t strobe;
        bool last;
    };
    struct Write {
        Burst burst;
        uint32_t filled = 0;
        std::vector<Data> data = std::vector<Data>(256);
    };
    struct Span {
        uint64_t from = 0, until = 0;
    };
    struct Failure {
        uint64_t burst = UINT64_MAX;
        uint32_t beat = 0, response = 0;
    };
    struct Held {  // payload of an unaccepted VALID in the cycle before
        bool ar = false, aw = false, w = false;
        uint64_t ar_payload = 0, aw_payload = 0;
        Data data = {};
    };

    bool speaks(Channel channel, uint64_t next) {
        const bool paused = stalled(channel);  // draws the same numbers, silent or not
        return !paused && !(next >= silences[channel].from && next < silences[channel].until);
    }

    bool stalled(Channel channel) {
        return options.stall != 0 && random[channel].below(100) < options.stall;
    }

    // Bandwidth: every cycle adds its percentage to the credit, a beat costs 100.
    bool earn(uint32_t& credit) {
        if (options.bandwidth >= 100) return true;
        credit += options.bandwidth;
        if (credit > 199) credit = 199;
        return credit >= 100;
    }
    void pay(uint32_t& credit) {
        if (options.bandwidth < 100) credit -= 100;
    }

    static uint64_t payload(uint32_t address, uint32_t len, uint32_t size, uint32_t burst) {
        return uint64_t(address) << 16 | len << 8 | size << 2 | burst;
    }

    void check_held(uint64_t cycle) {
        const uint64_t ar = payload(top.m_axi_araddr, top.m_axi_arlen, top.m_axi_arsize,
                                    top.m_axi_arburst);
        if (held.ar && !top.m_axi_arvalid)
            violation.report(cycle, RULE_VALID_STABLE, "ARVALID fell before ARREADY");
        else if (held.ar && ar != held.ar_payload)
            violation.report(cycle, RULE_PAYLOAD_STABLE, "AR changed while ARVALID waited");
        held.ar = top.m_axi_arvalid && !top.m_axi_arready;
        held.ar_payload = ar;

        const uint64_t aw = payload(top.m_axi_awaddr, top.m_axi_awlen, top.m_axi_awsize,
                                    top.m_axi_awburst);
        if (held.aw && !top.m_axi_awvalid)
            violation.report(cycle, RULE_VALID_STABLE, "AWVALID fell before AWREADY");
        else if (held.aw && aw != held.aw_payload)
            violation.report(cycle, RULE_PAYLOAD_STABLE, "AW changed while AWVALID waited");
        held.aw = top.m_axi_awvalid && !top.m_axi_awready;
        held.aw_payload = aw;

        if (held.w) {
            if (!top.m_axi_wvalid)
                violation.report(cycle, RULE_VALID_STABLE, "WVALID fell before WREADY");
            else if (std::memcmp(held.data.bytes, &top.m_axi_wdata, BUS) != 0
                     || held.data.strobe != top.m_axi_wstrb || held.data.last != top.m_axi_wlast)
                violation.report(cycle, RULE_PAYLOAD_STABLE, "W changed while WVALID waited");
        }
        held.w = top.m_axi_wvalid && !top.m_axi_wready;
        if (held.w) held.data = data_of();
    }

    Data data_of() const {
        Data data;
        std::memcpy(data.bytes, &top.m_axi_wdata, BUS);
        data.strobe = top.m_axi_wstrb;
        data.last = top.m_axi_wlast;
        return data;
    }

    Burst burst_of(uint64_t cycle, const char* name, uint32_t address, uint32_t len, uint32_t size,
                   uint32_t type) {
        Burst burst;
        burst.address = address;
        burst.beats = len + 1;
        burst.bytes = 1u << size;
        burst.ready = cycle + options.latency;
        if (burst.bytes > BUS) {
            violation.report(cycle, RULE_SIZE, "%s of %u bytes per beat on a bus of %u", name,
                             burst.bytes, BUS);
            burst.bytes = BUS;
        }
        if (burst.beats > 16)
            violation.report(cycle, RULE_LENGTH, "%s at 0x%08x has %u beats", name, address,
                             burst.beats);
        if (type != 1)
            violation.report(cycle, RULE_BURST_TYPE, "%s at 0x%08x has burst type %u, not INCR",
                             name, address, type);
        const uint64_t last = burst.at(len) | (burst.bytes - 1);
        if ((last >> 12) != (burst.address >> 12))
            violation.report(cycle, RULE_BOUNDARY_4K,
                             "%s of %u beats of %u bytes at 0x%08x crosses a 4 KiB boundary", name,
                             burst.beats, burst.bytes, address);
        burst.outside = burst.address < options.base || last >= options.base + options.size;
        if (burst.outside) ++counters[COUNTER_OUTSIDE];
        if (burst.address < guarded.from || last > guarded.until)
            violation.report(cycle, RULE_WINDOW, "%s of %u beats at 0x%08x, guarded 0x%llx..0x%llx",
                             name, burst.beats, address, (unsigned long long)guarded.from,
                             (unsigned long long)guarded.until);
        return burst;
    }

    void accept_read(uint64_t cycle) {
        Burst& burst = reads[read_tail++ % OUTSTANDING];
        burst = burst_of(
            cycle, "AR", top.m_axi_araddr, top.m_axi_arlen, top.m_axi_arsize, top.m_axi_arburst);
        mark(burst, read_failure, counters[COUNTER_READ_BURSTS]++);
    }

    static void mark(Burst& burst, Failure& failure, uint64_t number) {
        if (number != failure.burst) return;
        burst.response = failure.response;
        burst.bad_beat = failure.beat < burst.beats ? failure.beat : burst.beats - 1;
        failure = Failure();
    }

    void accept_write(uint64_t cycle) {
        Write& write = writes[write_tail++ % OUTSTANDING];
        write.burst = burst_of(cycle, "AW", top.m_axi_awaddr, top.m_axi_awlen, top.m_axi_awsize,
                               top.m_axi_awburst);
        write.filled = 0;
        mark(write.burst, write_failure, counters[COUNTER_WRITE_BURSTS]++);
        uint32_t used = 0;
        while (used < early_count && write_fill != write_tail) fill(cycle, early[used++]);
        for (uint32_t i = used; i < early_count; ++i) early[i - used] = early[i];
        early_count -= used;
    }

    void accept_data(uint64_t cycle) {
        ++counters[COUNTER_WRITE_BEATS];
        counters[COUNTER_WRITE_BYTES] += __builtin_popcount(top.m_axi_wstrb);
        pay(write_credit);
        if (write_fill != write_tail) fill(cycle, data_of());
        else early[early_count++] = data_of();
    }

    // Add one beat to the oldest write burst that still lacks data.
    void fill(uint64_t cycle, const Data& data) {
        Write& write = writes[write_fill % OUTSTANDING];
        const uint64_t at = write.burst.at(write.filled);
        const uint32_t first = at % BUS, end = (at & (BUS - 1) & ~(write.burst.bytes - 1))
            + write.burst.bytes;
        const uint64_t lanes = ((uint64_t(1) << end) - 1) & ~((uint64_t(1) << first) - 1);
        if (data.strobe & ~lanes)
            violation.report(cycle, RULE_STROBE, "WSTRB 0x%x outside the byte lanes 0x%llx of 0x%llx",
                             data.strobe, (unsigned long long)lanes, (unsigned long long)at);
        const bool last = write.filled + 1 == write.burst.beats;
        if (data.last != last)
            violation.report(cycle, RULE_LAST, "WLAST is %d in beat %u of %u of the burst at 0x%llx",
                             data.last, write.filled + 1, write.burst.beats,
                             (unsigned long long)write.burst.address);
        write.data[write.filled++] = data;
        if (last) {
            write.burst.ready = cycle + options.latency;
            ++write_fill;
        }
    }

    void present(const Burst& burst) {
        const uint64_t word = burst.at(beat) & ~uint64_t(BUS - 1);
        if (burst.outside) std::memset((void*)&top.m_axi_rdata, 0, BUS);
        else std::memcpy((void*)&top.m_axi_rdata, bytes + (word - options.base), BUS);
        const uint32_t response = beat == burst.bad_beat ? burst.response : 0;
        if (response) note_failure(burst);
        top.m_axi_rresp = burst.outside ? 3 : response;
        top.m_axi_rlast = beat + 1 == burst.beats;
        top.m_axi_rvalid = 1;
        pay(read_credit);
    }

    void note_failure(const Burst& burst) {
        ++counters[COUNTER_FAILURES];
        failed_address = burst.address;
    }

    // A write becomes visible with its response, never earlier.
    void answer(const Write& write) {
        const bool fails = write.burst.outside || write.burst.response != 0;
        for (uint32_t i = 0; i < write.filled && !fails; ++i) {
            uint8_t* word = bytes + ((write.burst.at(i) & ~uint64_t(BUS - 1)) - options.base);
            const Data& data = write.data[i];
            if (data.strobe == uint32_t((uint64_t(1) << BUS) - 1)) {
                std::memcpy(word, data.bytes, BUS);
                continue;
            }
            for (uint32_t lane = 0; lane < BUS; ++lane)
                if (data.strobe >> lane & 1) word[lane] = data.bytes[lane];
        }
        if (write.burst.response) note_failure(write.burst);
        top.m_axi_bresp = write.burst.outside ? 3 : write.burst.response;
        top.m_axi_bvalid = 1;
    }

    Model& top;
    uint8_t* bytes;
    const Options options;
    uint64_t* counters;
    Violation& violation;
    Random random[CHANNELS];
    std::vector<Burst> reads;
    std::vector<Write> writes;
    std::vector<Data> early;
    uint32_t read_head = 0, read_tail = 0;                    // free running, modulo OUTSTANDING
    uint32_t write_head = 0, write_fill = 0, write_tail = 0;  // answered, filled, accepted
    uint32_t early_count = 0, beat = 0;
    uint32_t read_credit = 0, write_credit = 0;
    bool read_taken = false, answer_taken = false;  // at this edge
    Held held;
    Span silences[CHANNELS], guarded = {0, UINT64_MAX};
    Failure read_failure, write_failure;
};
