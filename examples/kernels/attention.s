; One attention head:  o = softmax(q . k^T) . v,  q = x . wq^T,  k = x . wk^T,  v = x . wv^T
;
; x is 16 tokens of 16 features; q, k and v have 16 features. Only x, the weights and o are moved
; between memory and chip: q and the probabilities are forwarded into INP, k and v^T into WGT.
;   * A tile of WGT is 8 x 8: 8 rows of results, each as a tile of inputs. Results laid out
;     [feature block][token] therefore are the weights of a product with k^T, as they are.
;   * v^T = wv . x^T comes from the same array with exchanged operands: wv in INP, x in WGT. x is
;     laid out [feature block][token] too, so both types load the same bytes.
;   * Softmax, with S the scores of a row of tokens: the row's maximum by red.max; S - maximum to
;     8 bits and through table 0, exp(), by rqt; the row's sum by red.sum; its reciprocal from
;     table 1. The products with v are divided by the sum when they are requantized: the
;     reciprocal is the multiplier in the row's own parameters.
;
;   INP    0  x [block][token]       32  wv [block][feature]   64  q [block][token]
;         96  probabilities [token][block of tokens]
;   WGT    0  wq   4  wk   8  x     12  k [block of features][block of tokens]
;         16  v^T [block of tokens][block of features]
;   ACC    0  q, k, v^T, 32 tiles each                          96  S, then probabilities
;        128  maxima    144  second halves of them   160  second halves of sums
;        200  parameters of q, k and v; of S; of the sums       224  parameters of each row
;        288  o [block][token]

.config 1x8x8_all
.buffer x       inp 0x000 32      ; [feature block][token]
.buffer x_rows  wgt 0x000 4       ; the same bytes
.buffer wv      inp 0x020 32      ; [input block][feature]
.buffer wq      wgt 0x008 4       ; [feature block][input block]
.buffer wk      wgt 0x00c 4
.buffer params  acc 0x020 9       ; three times bias, multiplier, shift
.buffer row     acc 0x029 3       ; bias, multiplier (replaced on chip), shift of a row
.buffer tables  lut 0x004 2       ; exp, reciprocal
.buffer o       out 0x200 32      ; [feature block][token]

.uops project_first               ; q, k, v^T: first block of x's features
    0,0,0
    16,0,2
    32,0,4
    48,0,6
    64,32,8
    80,32,9
.uops project_rest                ; second block
    0,16,1
    16,16,3
    32,16,5
    48,16,7
    64,48,10
    80,48,11
.uops rqt_project
    0,200,0
.uops scores_first
    96,64,12
    97,64,13
.uops scores_rest
    96,80,14
    97,80,15
.uops maxima
    128,96,0
    144,97,0
.uops maximum
    128,144,0
.uops subtract
    96,128,0
    97,128,0
.uops rqt_scores
    96,203,0
.uops sums_left
    225,96,0
.uops sums_right
    160,97,0
.uops sum
    225,160,0
.uops rqt_sum
    225,206,0
.uops output_first
    288,96,16
    304,96,17
.uops output_rest
    288,97,18
    304,97,19
.uops rqt_output
    288,224,0

load uop sram=0 dram=0 cols=32
load acc sram=200 dram=@params cols=9
load acc sram=224 dram=@row rows=16 cols=3 stride=0     ; the same three tiles for each row
load lut sram=0 dram=@tables cols=2

load wgt sram=0 dram=@wq cols=8                         ; wq and wk
load wgt sram=8 dram=@x_rows cols=4
load inp sram=0 dram=@x cols=64 push_next               ; x and wv

; q, k and v^T, forwarded where the next products read them
gemm uops=project_first loop=1x16 dst=0,1 src=0,1 pop_prev overwrite
gemm uops=project_rest loop=1x16 dst=0,1 src=0,1
alu rqt uops=rqt_project loop=1x96 dst=0,1 src=0,0 zero_point=0 push_next
store inp sram=0 to=64 cols=32 pop_prev
store wgt sram=32 to=96 cols=32                         ; k to row 96: tile 12
store wgt sram=64 to=128 cols=32 push_prev              ; v^T to row 128: tile 16

; S = q . k^T, minus the row's maximum, through exp
gemm uops=scores_first loop=1x16 dst=0,2 src=0,1 pop_next overwrite
gemm uops=scores_rest loop=1x16 dst=0,2 src=0,1
alu red.max uops=maxima loop=1x16 dst=0,1 src=0,2
alu max uops=maximum loop=1x16 dst=0,1 src=0,1
alu mul uops=maximum loop=1x16 dst=0,1 imm=-1
alu add uops=subtract loop=1x16 dst=0,2 src=0,1
alu rqt uops=rqt_scores loop=1x32 dst=0,1 src=0,0 zero_point=0 lut=0 push_next
store inp sram=96 to=96 cols=32 pop_prev push_prev

; the reciprocal of the row's sum, 2^38 / sum, as multiplier of the row
alu red.sum uops=sums_left loop=1x16 dst=0,3 src=0,2
alu red.sum uops=sums_right loop=1x16 dst=0,1 src=0,2
alu add uops=sum loop=1x16 dst=0,3 src=0,1
alu rqt uops=rqt_sum loop=1x16 dst=0,3 src=0,0 zero_point=-128 bypass lut=1
alu shr uops=rqt_sum loop=1x16 dst=0,3 imm=-16

; o = probabilities . v, divided by the sum
gemm uops=output_first loop=1x16 dst=0,1 src=0,2 pop_next overwrite
gemm uops=output_rest loop=1x16 dst=0,1 src=0,2
alu rqt uops=rqt_output loop=2x16 dst=16,1 src=0,3 zero_point=0 push_next
store out sram=288 dram=@o cols=32 pop_prev
finish
