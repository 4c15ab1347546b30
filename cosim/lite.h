// AXI4-Lite master: one register access at a time.  Equivalent to cosim/axi_lite.py.

#pragma once

#include "memory.h"

template <class Model>
class Lite {
public:
    Lite(Model& model, const Options& options, Violation& violation)
        : top(model), stall(options.stall), violation(violation) {
        random.seed(options.seed, 5);
    }

    void reset() {
        busy = false;
        held_r = held_b = false;
        drive();
    }

    // Start an access.  With stalls enabled, address, data and response readiness are delayed by up
    // to 3 cycles, independently of each other.
    void begin(bool is_write, uint32_t register_address, uint32_t value) {
        busy = true;
        write = is_write;
        address = register_address & 0xffff;
        data = value;
        address_done = data_done = false;
        age = 0;
        address_delay = stall ? random.below(4) : 0;
        data_delay = stall ? random.below(4) : 0;
        response_delay = stall ? random.below(4) : 0;
    }

    bool done() const { return !busy; }
    const char* waiting_for() const {
        if (!address_done) return write ? "s_axi_awready" : "s_axi_arready";
        if (write && !data_done) return "s_axi_wready";
        return write ? "s_axi_bvalid" : "s_axi_rvalid";
    }

    uint32_t data = 0;      // value of a read
    uint32_t response = 0;  // 0 OKAY, 2 SLVERR, 3 DECERR

    void sample(uint64_t cycle) {
        check(cycle);
        if (!busy) return;
        if (write) {
            if (top.s_axi_bvalid && top.s_axi_bready) finish(top.s_axi_bresp);
            if (top.s_axi_awvalid && top.s_axi_awready) address_done = true;
            if (top.s_axi_wvalid && top.s_axi_wready) data_done = true;
        } else {
            if (top.s_axi_rvalid && top.s_axi_rready) {
                data = top.s_axi_rdata;
                finish(top.s_axi_rresp);
            }
            if (top.s_axi_arvalid && top.s_axi_arready) address_done = true;
        }
    }

    void drive() {
        const bool writing = busy && write, reading = busy && !write;
        top.s_axi_awvalid = writing && !address_done && age >= address_delay;
        top.s_axi_wvalid = writing && !data_done && age >= data_delay;
        top.s_axi_bready = writing && age >= response_delay;
        top.s_axi_arvalid = reading && !address_done && age >= address_delay;
        top.s_axi_rready = reading && age >= response_delay;
        top.s_axi_awaddr = top.s_axi_araddr = address;
        top.s_axi_wdata = data;
        top.s_axi_wstrb = 0xf;
        ++age;
    }

private:
    void finish(uint32_t code) {
        response = code;
        busy = false;
    }

    void check(uint64_t cycle) {
        const bool wants_b = busy && write && address_done && data_done;
        const bool wants_r = busy && !write && address_done;
        if (top.s_axi_bvalid && !wants_b)
            violation.report(cycle, RULE_RESPONSE, "s_axi_bvalid without a complete write");
        if (top.s_axi_rvalid && !wants_r)
            violation.report(cycle, RULE_RESPONSE, "s_axi_rvalid without a read");
        if (held_b && !top.s_axi_bvalid)
            violation.report(cycle, RULE_VALID_STABLE, "s_axi_bvalid fell before s_axi_bready");
        if (held_r && !top.s_axi_rvalid)
            violation.report(cycle, RULE_VALID_STABLE, "s_axi_rvalid fell before s_axi_rready");
        if (held_r && top.s_axi_rvalid && top.s_axi_rdata != held_data)
            violation.report(cycle, RULE_PAYLOAD_STABLE, "s_axi_rdata changed while it waited");
        held_b = top.s_axi_bvalid && !top.s_axi_bready;
        held_r = top.s_axi_rvalid && !top.s_axi_rready;
        held_data = top.s_axi_rdata;
    }

    Model& top;
    const uint32_t stall;
    Violation& violation;
    Random random;
    bool busy = false, write = false, address_done = false, data_done = false;
    bool held_r = false, held_b = false;
    uint32_t address = 0, age = 0, held_data = 0;
    uint32_t address_delay = 0, data_delay = 0, response_delay = 0;
};
