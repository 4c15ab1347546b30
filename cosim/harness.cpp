// The verilated core with its memory and register master, and a C interface for ctypes.
//
// Built once per design and trace format: TRACE_FST or TRACE_VCD selects the format, neither means
// no waves.  Rising edge number n is at n * 10 + 5 ns in a wave file.

#include <exception>
#include <memory>
#include <stdexcept>

#include "Vmyvta_core.h"
#include "verilated.h"
#if defined(TRACE_FST)
#include "verilated_fst_c.h"
using Trace = VerilatedFstC;
#elif defined(TRACE_VCD)
#include "verilated_vcd_c.h"
using Trace = VerilatedVcdC;
#endif

#include "lite.h"
#include "memory.h"

// Verilator's default handlers end the process; these end the call.
void vl_fatal(const char* file, int line, const char*, const char* message) {
    throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + message);
}
void vl_stop(const char* file, int line, const char*) {
    throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": $stop");
}
void vl_finish(const char* file, int line, const char*) {
    throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": $finish");
}

// Verilator renames the port `interrupt`, which it treats as a reserved word of C++.
template <class Model>
static auto interrupt_wire(const Model& top, int) -> decltype(top.__SYM__interrupt != 0) {
    return top.__SYM__interrupt != 0;
}
template <class Model>
static auto interrupt_wire(const Model& top, long) -> decltype(top.interrupt != 0) {
    return top.interrupt != 0;
}

enum Outcome { OK = 0, MORE = 1, VIOLATION = 2, SILENT = 3, FATAL = 4, REFUSED = 5 };

static constexpr uint64_t RESPONSE_LIMIT = 10000;  // cycles a register access may take
static constexpr uint32_t POLL_PERIOD = 32;        // cycles between two polls of a register
static constexpr uint32_t RESET_CYCLES = 4;

class Harness {
public:
    using Model = Vmyvta_core;

    Harness(uint8_t* bytes, const Options& options, const char* wave, uint64_t from, uint64_t count,
            const char* events)
        : top(&context, "top"), memory(top, bytes, options, counters, violation),
          lite(top, options, violation) {
#if defined(TRACE_FST) || defined(TRACE_VCD)
        context.traceEverOn(true);
        trace.set_time_unit("1ns");  // the design sets no time scale
        trace.set_time_resolution("1ns");
        wave_file = wave;
        wave_from = from;
        wave_until = from + count;
        top.trace(&trace, 99);
#else
        (void)wave, (void)from, (void)count;
#endif
        if (*events) {
            const std::string plusarg = std::string("+events=") + events;
            const char* arguments[] = {"core", plusarg.c_str()};
            context.commandArgs(2, arguments);
        }
        top.clock = 0;
        reset();
    }

    ~Harness() {
        close_wave();
        top.final();
    }

    void reset() {
        memory.reset();
        lite.reset();
        top.reset = 1;
        top.eval();
        for (uint32_t i = 0; i < RESET_CYCLES; ++i) {
            edge();
            memory.check_reset(counters[COUNTER_CYCLES]);
        }
        top.reset = 0;
        memory.drive(counters[COUNTER_CYCLES]);
        top.eval();
    }

    int access(bool write, uint32_t address, uint32_t* value) {
        const uint64_t limit = counters[COUNTER_CYCLES] + RESPONSE_LIMIT;
        lite.begin(write, address, *value);
        while (!lite.done()) {
            if (violation.rule != RULE_NONE) return VIOLATION;
            if (counters[COUNTER_CYCLES] >= limit) {
                message = lite.waiting_for();
                return SILENT;
            }
            step();
        }
        if (violation.rule != RULE_NONE) return VIOLATION;
        if (lite.response != 0) {
            message = "response " + std::to_string(lite.response) + ", not OKAY";
            return REFUSED;
        }
        if (!write) *value = lite.data;
        return OK;
    }

    // Run until (register & mask) == 0; MORE when that takes longer than `cycles`.
    int poll(uint32_t address, uint32_t mask, uint64_t cycles, uint32_t* value) {
        const uint64_t until = counters[COUNTER_CYCLES] + cycles;
        for (;;) {
            if (const int outcome = access(false, address, value)) return outcome;
            if ((*value & mask) == 0) return OK;
            for (uint32_t i = 0; i < POLL_PERIOD; ++i) {
                if (counters[COUNTER_CYCLES] >= until) return MORE;
                if (violation.rule != RULE_NONE) return VIOLATION;
                step();
            }
        }
    }

    // Run a number of cycles, or until the interrupt wire is high when `interrupt` is set.
    int run(uint64_t cycles, bool interrupt) {
        for (uint64_t i = 0; i < cycles; ++i) {
            if (interrupt && interrupt_wire(top, 0)) return OK;
            if (violation.rule != RULE_NONE) return VIOLATION;
            step();
        }
        if (violation.rule != RULE_NONE) return VIOLATION;
        return interrupt && !interrupt_wire(top, 0) ? MORE : OK;
    }

    void close_wave() {
#if defined(TRACE_FST) || defined(TRACE_VCD)
        if (trace.isOpen()) trace.close();
#endif
    }

    uint64_t counters[COUNTER_COUNT] = {};
    Violation violation;
    std::string message;

private:
    void step() {
        memory.sample(counters[COUNTER_CYCLES]);
        lite.sample(counters[COUNTER_CYCLES]);
        edge();
    }

    // Rising edge; inputs for the next one; falling edge.
    void edge() {
        const uint64_t cycle = counters[COUNTER_CYCLES]++;
        top.clock = 1;
        top.eval();
        if (!top.reset) {
            memory.drive(cycle + 1);
            lite.drive();
        }
#if defined(TRACE_FST) || defined(TRACE_VCD)
        const bool in_window = cycle >= wave_from && cycle < wave_until;
        if (in_window) {
            if (!trace.isOpen()) trace.open(wave_file.c_str());
            if (!trace.isOpen()) throw std::runtime_error("cannot write wave file " + wave_file);
            top.eval();
            trace.dump(cycle * 10 + 5);
        }
#endif
        top.clock = 0;
        top.eval();
#if defined(TRACE_FST) || defined(TRACE_VCD)
        if (in_window) trace.dump(cycle * 10 + 10);
        if (cycle + 1 == wave_until) trace.close();
#endif
    }

    VerilatedContext context;
    Model top;
#if defined(TRACE_FST) || defined(TRACE_VCD)
    Trace trace;
    std::string wave_file;
    uint64_t wave_from = 0, wave_until = 0;
#endif

public:
    Memory<Model> memory;

private:
    Lite<Model> lite;
};

template <class Function>
static int guarded(Harness* harness, Function function) {
    try {
        return function();
    } catch (const std::exception& error) {
        harness->message = error.what();
        return FATAL;
    }
}

#define API __attribute__((visibility("default")))

extern "C" {

API uint32_t myvta_bus_bytes() { return Memory<Vmyvta_core>::BUS; }

// Returns null with a text in `problem` when the model cannot start.
API Harness* myvta_open(uint8_t* bytes, const Options* options, const char* wave, uint64_t from,
                    uint64_t count, const char* events, char* problem, uint32_t room) {
    try {
        return new Harness(bytes, *options, wave, from, count, events);
    } catch (const std::exception& error) {
        snprintf(problem, room, "%s", error.what());
        return nullptr;
    }
}

API void myvta_close(Harness* harness) { delete harness; }

API int myvta_reset(Harness* harness) {
    return guarded(harness, [=] {
        harness->reset();
        return harness->violation.rule != RULE_NONE ? VIOLATION : OK;
    });
}

API int myvta_access(Harness* harness, int write, uint32_t address, uint32_t* value) {
    return guarded(harness, [=] { return harness->access(write, address, value); });
}

API int myvta_poll(Harness* harness, uint32_t address, uint32_t mask, uint64_t cycles,
               uint32_t* value) {
    return guarded(harness, [=] { return harness->poll(address, mask, cycles, value); });
}

API int myvta_run(Harness* harness, uint64_t cycles, int interrupt) {
    return guarded(harness, [=] { return harness->run(cycles, interrupt); });
}

// Faults of the memory; cycles count from now, UINT64_MAX is never.
API void myvta_fail(Harness* harness, int write, uint64_t nth, uint32_t beat, uint32_t response) {
    harness->memory.fail(write, nth, beat, response);
}
API void myvta_silence(Harness* harness, uint32_t channel, uint64_t start, uint64_t cycles) {
    const uint64_t from = harness->counters[COUNTER_CYCLES] + start;
    const uint64_t until = cycles > UINT64_MAX - from ? UINT64_MAX : from + cycles;
    harness->memory.silence(channel, from, until);
}
API uint64_t myvta_failed_address(const Harness* harness) {
    return harness->memory.failed_address;
}
API void myvta_guard(Harness* harness, uint64_t first, uint64_t last) {
    harness->memory.guard(first, last);
}

API const uint64_t* myvta_counters(const Harness* harness) { return harness->counters; }
API int myvta_violation_rule(const Harness* harness) { return harness->violation.rule; }
API uint64_t myvta_violation_cycle(const Harness* harness) { return harness->violation.cycle; }
API const char* myvta_violation_text(const Harness* harness) { return harness->violation.text; }
API const char* myvta_message(const Harness* harness) { return harness->message.c_str(); }
API uint32_t myvta_reads_outstanding(const Harness* harness) {
    return harness->memory.reads_outstanding();
}
API uint32_t myvta_writes_outstanding(const Harness* harness) {
    return harness->memory.writes_outstanding();
}

}
