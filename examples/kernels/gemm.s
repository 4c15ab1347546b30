; Pipelined GEMM:  c = requantize(a . w^T + bias)
;
; a is 128 x 32, w is 16 x 32, both int8. A tile of INP holds 8 features of a row, a tile of WGT
; 8 x 8 weights, so a row is 4 tiles of INP and 2 tiles of results.
;
; Four blocks of 32 rows pass through three engines: while compute multiplies block n, load fetches
; block n + 1 and store writes block n - 1. Each engine therefore has two buffers, A and B: INP at 0
; and 128, ACC at 0 and 64. Four tokens per block keep them apart:
;   load -> compute    the inputs are there          compute -> load   the inputs have been read
;   compute -> store   the results are there         store -> compute  the results have been read
; The first two blocks find empty buffers and the last two hand none back: no pop there, no push here.

.config 1x8x8
.buffer a       inp 0x000 512     ; [row][feature block]
.buffer w       wgt 0x040 8       ; [output block][feature block]
.buffer params  acc 0x090 6       ; [output block][bias, multiplier, shift]
.buffer c       out 0x400 256     ; [row][output block]

; Micro-ops: accumulator, input and weight tile of a step. The first feature block overwrites the
; accumulator, the other three add to it.
.uops first_a
    0,0,0
    1,0,4
.uops rest_a
    0,1,1
    1,1,5
    0,2,2
    1,2,6
    0,3,3
    1,3,7
.uops first_b
    64,128,0
    65,128,4
.uops rest_b
    64,129,1
    65,129,5
    64,130,2
    65,130,6
    64,131,3
    65,131,7
.uops rqt_a
    0,128,0
.uops rqt_b
    64,128,0

load uop sram=0 dram=0 cols=18
load acc sram=128 dram=@params cols=6

; block 0, buffers A
load wgt sram=0 dram=@w cols=8
load inp sram=0 dram=@a cols=128 push_next
gemm uops=first_a loop=1x32 dst=0,2 src=0,4 pop_prev overwrite
gemm uops=rest_a loop=1x32 dst=0,2 src=0,4 push_prev
; rows in the inner loop: consecutive steps then use the same parameters, and none waits for them
alu rqt uops=rqt_a loop=2x32 dst=1,2 src=3,0 zero_point=0 push_next
store out sram=0 dram=@c cols=64 pop_prev push_prev

; block 1, buffers B
load inp sram=128 dram=@a+128 cols=128 push_next
gemm uops=first_b loop=1x32 dst=0,2 src=0,4 pop_prev overwrite
gemm uops=rest_b loop=1x32 dst=0,2 src=0,4 push_prev
alu rqt uops=rqt_b loop=2x32 dst=1,2 src=3,0 zero_point=0 push_next
store out sram=64 dram=@c+64 cols=64 pop_prev push_prev

; block 2, buffers A: wait until block 0 has left them
load inp sram=0 dram=@a+256 cols=128 pop_next push_next
gemm uops=first_a loop=1x32 dst=0,2 src=0,4 pop_prev pop_next overwrite
gemm uops=rest_a loop=1x32 dst=0,2 src=0,4
alu rqt uops=rqt_a loop=2x32 dst=1,2 src=3,0 zero_point=0 push_next
store out sram=0 dram=@c+128 cols=64 pop_prev

; block 3, buffers B
load inp sram=128 dram=@a+384 cols=128 pop_next push_next
gemm uops=first_b loop=1x32 dst=0,2 src=0,4 pop_prev pop_next overwrite
gemm uops=rest_b loop=1x32 dst=0,2 src=0,4
alu rqt uops=rqt_b loop=2x32 dst=1,2 src=3,0 zero_point=0 push_next
store out sram=64 dram=@c+192 cols=64 pop_prev

finish
