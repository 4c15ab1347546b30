; A dense layer with SiLU from a table:  c = silu(a . w^T + bias),  silu(x) = x / (1 + exp(-x))
;
; RQT brings a sum to 8 bits; with lut=0 the result selects one of 256 entries of table 0, which
; becomes the output. The table holds silu for each of the 256 values, at the scales of input and
; output, so it costs no step and equals any other program that fills it with the same function.
;
; a is 64 x 16, w is 16 x 16, in two blocks of 32 rows.

.config 1x8x8_all
.buffer a       inp 0x000 128     ; [row][feature block]
.buffer w       wgt 0x010 4       ; [output block][feature block]
.buffer params  acc 0x030 6       ; [output block][bias, multiplier, shift]
.buffer tables  lut 0x004 1       ; 256 int16 entries
.buffer c       out 0x200 128     ; [row][output block]

.uops first_a
    0,0,0
    1,0,2
.uops rest_a
    0,1,1
    1,1,3
.uops first_b
    64,64,0
    65,64,2
.uops rest_b
    64,65,1
    65,65,3
.uops rqt_a
    0,128,0
.uops rqt_b
    64,128,0

load uop sram=0 dram=0 cols=10
load acc sram=128 dram=@params cols=6
load lut sram=0 dram=@tables cols=1

load wgt sram=0 dram=@w cols=4
load inp sram=0 dram=@a cols=64 push_next
load inp sram=64 dram=@a+64 cols=64 push_next

gemm uops=first_a loop=1x32 dst=0,2 src=0,2 pop_prev overwrite
gemm uops=rest_a loop=1x32 dst=0,2 src=0,2
alu rqt uops=rqt_a loop=2x32 dst=1,2 src=3,0 zero_point=0 lut=0 push_next
store out sram=0 dram=@c cols=64 pop_prev

gemm uops=first_b loop=1x32 dst=0,2 src=0,2 pop_prev overwrite
gemm uops=rest_b loop=1x32 dst=0,2 src=0,2
alu rqt uops=rqt_b loop=2x32 dst=1,2 src=3,0 zero_point=0 lut=0 push_next
store out sram=64 dram=@c+64 cols=64 pop_prev

finish
