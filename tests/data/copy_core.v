// A device under test with the ports of the accelerator's core and a job one can check by hand:
// a launch copies INSN_COUNT * 16 bytes from INSN_BASE to OUT_BASE, then sets FINISH.
// `BUS is the data width.  Register 0x10 plants one fault for the checkers to find:
//   1 ARVALID falls without ARREADY       7 the launch never ends
//   2 AR changes while it waits           8 WSTRB wider than the beat
//   3 bursts cross 4 KiB                  9 beats wider than the bus
//   4 AW is a wrapping burst             10 a read of the register map is never answered
//   5 WLAST one beat early               11 an unrequested write response
//   6 FINISH before the last response    12 ARVALID during reset
//  13 ARVALID has no value               14 the simulation ends itself
//  15 a read of the register map is answered with SLVERR
//  16 register data change while they wait  18 the response of a register write falls while it waits
//  17 register data fall while they wait    19 W data change while they wait
//  20 bursts of more than 16 beats       21 ARVALID waits for ARREADY

`ifndef BUS
`define BUS 64
`endif

module myvta_core (
    input wire clock,
    input wire reset,
    output wire interrupt,

    input wire [15:0] s_axi_awaddr,
    input wire s_axi_awvalid,
    output wire s_axi_awready,
    input wire [31:0] s_axi_wdata,
    input wire [3:0] s_axi_wstrb,
    input wire s_axi_wvalid,
    output wire s_axi_wready,
    output wire [1:0] s_axi_bresp,
    output reg s_axi_bvalid,
    input wire s_axi_bready,
    input wire [15:0] s_axi_araddr,
    input wire s_axi_arvalid,
    output wire s_axi_arready,
    output reg [31:0] s_axi_rdata,
    output wire [1:0] s_axi_rresp,
    output reg s_axi_rvalid,
    input wire s_axi_rready,

    output reg [31:0] m_axi_awaddr,
    output reg [7:0] m_axi_awlen,
    output wire [2:0] m_axi_awsize,
    output wire [1:0] m_axi_awburst,
    output reg m_axi_awvalid,
    input wire m_axi_awready,
    output wire [`BUS-1:0] m_axi_wdata,
    output wire [`BUS/8-1:0] m_axi_wstrb,
    output wire m_axi_wlast,
    output wire m_axi_wvalid,
    input wire m_axi_wready,
    input wire [1:0] m_axi_bresp,
    input wire m_axi_bvalid,
    output wire m_axi_bready,
    output reg [31:0] m_axi_araddr,
    output reg [7:0] m_axi_arlen,
    output wire [2:0] m_axi_arsize,
    output wire [1:0] m_axi_arburst,
    output wire m_axi_arvalid,
    input wire m_axi_arready,
    input wire [`BUS-1:0] m_axi_rdata,
    input wire [1:0] m_axi_rresp,
    input wire m_axi_rlast,
    input wire m_axi_rvalid,
    output wire m_axi_rready
);

localparam BYTES = `BUS / 8;
localparam [2:0] SIZE = (`BUS == 64) ? 3'd3 : (`BUS == 128) ? 3'd4 : 3'd5;
localparam DEPTH = 128;  // beats buffered
localparam BURST = 16;  // beats of a burst at most

// -- registers ---------------------------------------------------------------------------------
reg [31:0] count, source, target, window_base, window_limit, enable, scratch, cycles;
reg busy, finish, error, raised;
wire [4:0] fault = scratch[4:0];
reg write_address_taken, write_data_taken;
reg [15:0] write_address;
reg [31:0] write_data;
reg [3:0] write_strobe;
wire do_write = write_address_taken & write_data_taken & ~s_axi_bvalid;
wire launch = do_write & (write_address == 16'h0000) & write_data[0] & ~busy;

assign interrupt = enable[0] & raised;
assign s_axi_awready = ~write_address_taken;
assign s_axi_wready = ~write_data_taken;
assign s_axi_bresp = 2'b00;
assign s_axi_rresp = (fault == 15) ? 2'b10 : 2'b00;
assign s_axi_arready = ~s_axi_rvalid;

always @(posedge clock) begin
    if (reset) begin
        write_address_taken <= 0;
        write_data_taken <= 0;
        s_axi_bvalid <= 0;
        s_axi_rvalid <= 0;
        s_axi_rdata <= 0;
        write_address <= 0;
        write_data <= 0;
        write_strobe <= 0;
        {count, source, target, enable, scratch} <= 0;
        window_base <= 32'hfffff000;
        window_limit <= 32'h00000fff;
    end else begin
        if (s_axi_awvalid & s_axi_awready) begin
            write_address_taken <= 1;
            write_address <= s_axi_awaddr;
        end
        if (s_axi_wvalid & s_axi_wready) begin
            write_data_taken <= 1;
            write_data <= s_axi_wdata;
            write_strobe <= s_axi_wstrb;
        end
        if (do_write) begin
            write_address_taken <= 0;
            write_data_taken <= 0;
            s_axi_bvalid <= 1;
            if (&write_strobe)
                case (write_address)
                    16'h0008: count <= write_data;
                    16'h000c: source <= write_data;
                    16'h0010: scratch <= write_data;
                    16'h0020: target <= write_data;
                    16'h0058: window_base <= {write_data[31:12], 12'h000};
                    16'h005c: window_limit <= {write_data[31:12], 12'hfff};
                    16'h0060: enable <= write_data;
                    default: ;
                endcase
        end
        if (s_axi_bvalid & (s_axi_bready | fault == 18)) s_axi_bvalid <= (fault == 11);
        if (s_axi_arvalid & s_axi_arready) begin
            s_axi_rvalid <= (fault != 10);
            case (s_axi_araddr)
                16'h0000: s_axi_rdata <= {29'd0, error, finish, busy};
                16'h0004: s_axi_rdata <= cycles;
                16'h0008: s_axi_rdata <= count;
                16'h000c: s_axi_rdata <= source;
                16'h0010: s_axi_rdata <= scratch;
                16'h0020: s_axi_rdata <= target;
                16'h0040: s_axi_rdata <= 32'h4154564d;
                16'h0058: s_axi_rdata <= window_base;
                16'h005c: s_axi_rdata <= window_limit;
                16'h0060: s_axi_rdata <= enable;
                16'h0064: s_axi_rdata <= {31'd0, raised};
                default: s_axi_rdata <= 0;
            endcase
        end
        if (s_axi_rvalid & (s_axi_rready | fault == 17)) s_axi_rvalid <= 0;
        if (s_axi_rvalid & fault == 16) s_axi_rdata <= ~s_axi_rdata;
    end
end

// -- copy --------------------------------------------------------------------------------------
function [8:0] burst(input [31:0] address, input [31:0] beats);
    reg [31:0] room;
    begin
        room = (32'd4096 - {20'd0, address[11:0]}) / BYTES;
        if (fault == 3) room = BURST;
        if (room > BURST & fault != 20) room = BURST;
        burst = (beats < room) ? beats[8:0] : room[8:0];
    end
endfunction

reg arvalid, stuck;
assign m_axi_arvalid = (fault == 13) ? 1'bx
    : (arvalid & (fault != 21 | m_axi_arready)) | (stuck & reset);
initial stuck = 0;
always @(posedge clock) begin
    if (fault == 12) stuck <= 1;
    if (fault == 14) $finish;
end

reg [`BUS-1:0] buffer [0:DEPTH-1];
reg [7:0] head, tail;  // free running
reg [31:0] read_address, read_left, write_to, write_left, bytes_left;
reg [7:0] reserved;  // beats asked for or held
reg [8:0] beats_left;  // of the write burst that runs
reg [7:0] unanswered;
wire [7:0] level = head - tail;
wire [8:0] read_burst = burst(read_address, read_left);
wire [8:0] write_burst = burst(write_to, write_left);
wire do_read = m_axi_rvalid & m_axi_rready;
wire do_data = m_axi_wvalid & m_axi_wready;
wire do_answer = m_axi_bvalid & m_axi_bready;
wire ask = busy & (read_left != 0) & (reserved + BURST <= DEPTH)
    & (~arvalid | m_axi_arready);
wire send = busy & (write_left != 0) & ((beats_left == 0) | ((beats_left == 1) & do_data))
    & (level - (do_data ? 8'd1 : 8'd0) >= write_burst) & (~m_axi_awvalid | m_axi_awready);
wire [31:0] total = count << 4;

assign m_axi_arsize = (fault == 9) ? 3'd7 : SIZE;
assign m_axi_arburst = 2'b01;
assign m_axi_awsize = (fault == 8) ? 3'd2 : SIZE;
assign m_axi_awburst = (fault == 4) ? 2'b10 : 2'b01;
assign m_axi_rready = 1'b1;
assign m_axi_bready = 1'b1;
assign m_axi_wvalid = (beats_left != 0);
assign m_axi_wdata = (fault == 19) ? {`BUS/32{cycles}} : buffer[tail[6:0]];
assign m_axi_wlast = (beats_left == ((fault == 5) ? 2 : 1));
assign m_axi_wstrb = (bytes_left >= BYTES) ? {BYTES{1'b1}} : ({BYTES{1'b1}} >> (BYTES - bytes_left));

always @(posedge clock) begin
    if (m_axi_rvalid & m_axi_rready) buffer[head[6:0]] <= m_axi_rdata;
end

always @(posedge clock) begin
    if (reset) begin
        {busy, finish, error, raised} <= 0;
        {arvalid, m_axi_awvalid} <= 0;
        {m_axi_araddr, m_axi_arlen, m_axi_awaddr, m_axi_awlen} <= 0;
        {head, tail, reserved, beats_left, unanswered} <= 0;
        {read_address, read_left, write_to, write_left, bytes_left, cycles} <= 0;
    end else begin
        if (do_write & (write_address == 16'h0064) & write_data[0]) raised <= 0;
        if (launch) begin
            busy <= 1;
            finish <= 0;
            error <= 0;
            cycles <= 0;
            read_address <= source;
            write_to <= target;
            read_left <= (total + BYTES - 1) / BYTES;
            write_left <= (total + BYTES - 1) / BYTES;
            bytes_left <= total;
        end else if (do_write & (write_address == 16'h0000) & ~busy) begin
            finish <= 0;
            error <= 0;
        end
        if (busy) cycles <= cycles + 1;
        // reads
        if (m_axi_arready) arvalid <= 0;
        if (fault == 1) arvalid <= 0;
        if (fault == 2 & arvalid & ~m_axi_arready) m_axi_araddr <= m_axi_araddr + BYTES;
        if (ask) begin
            arvalid <= 1;
            m_axi_araddr <= read_address;
            m_axi_arlen <= read_burst - 1;
            read_address <= read_address + read_burst * BYTES;
            read_left <= read_left - read_burst;
        end
        reserved <= reserved + (ask ? read_burst[7:0] : 8'd0) - (do_data ? 8'd1 : 8'd0);
        if (do_read) begin
            head <= head + 1;
            if (m_axi_rresp != 0) error <= 1;
        end
        // writes
        if (m_axi_awready) m_axi_awvalid <= 0;
        if (do_data) begin
            tail <= tail + 1;
            beats_left <= beats_left - 1;
            bytes_left <= bytes_left - BYTES;
        end
        if (send) begin
            m_axi_awvalid <= 1;
            m_axi_awaddr <= write_to;
            m_axi_awlen <= write_burst - 1;
            write_to <= write_to + write_burst * BYTES;
            write_left <= write_left - write_burst;
            beats_left <= write_burst;
        end
        unanswered <= unanswered + (send ? 8'd1 : 8'd0) - (do_answer ? 8'd1 : 8'd0);
        if (do_answer & (m_axi_bresp != 0)) error <= 1;
        if (busy & (write_left == 0) & (beats_left == 0) & (unanswered == 0 | fault == 6)
                & (fault != 7)) begin
            busy <= 0;
            finish <= 1;
            raised <= 1;
        end
    end
end

endmodule
