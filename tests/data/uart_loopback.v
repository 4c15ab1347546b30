// A far end's own bytes come back: tx is rx of the cycle before.  From cycle BREAK after a reset
// on, tx stays 0: a line without stop bits.
module uart_top (input clock, input reset, input rx, output reg tx);
    localparam BREAK = 4000;
    reg [15:0] cycle = 0;
    always @(posedge clock) begin
        cycle <= reset ? 0 : cycle + 1;
        tx <= reset ? 1 : rx && cycle < BREAK;
    end
endmodule
