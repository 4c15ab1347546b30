; Depthwise 3x3 into pointwise 1x1:  y = requantize(pointwise(requantize(depthwise(x))))
;
; x is 8 x 8 pixels of 16 channels. dwc multiplies a window of inputs per step instead of one tile:
; here up to 2 x 4 taps, so a 3x3 layer is two instructions, rows 0 and 1 of the kernel and then row
; 2. Its results are the inputs of the pointwise layer: store inp copies them on chip into INP, and
; no byte of them is moved to memory.
;
; Two halves of four rows of pixels: half 0 is forwarded while compute makes half 1.
;   INP    0, 100   the padded images of channel blocks 0 and 1, 10 x 10 tiles each
;        256, 320   depthwise results of half 0 and half 1, [channel block][pixel]
;   ACC    0,  64   depthwise results of both halves, before they are forwarded
;        128, 192   pointwise results of both halves, [output block][pixel]
;        256        parameters

.config 1x8x8_all
.buffer x       inp 0x000 128     ; [channel block][row][column]
.buffer w_depth wgt 0x010 4       ; [channel block][rows 0 and 1, row 2]: lane l, tap 4 * row + column
.buffer w_point wgt 0x014 4       ; [output block][channel block]
.buffer params  acc 0x040 12      ; depthwise, pointwise: [block][bias, multiplier, shift]
.buffer y       out 0x200 128     ; [output block][row][column]

.uops depth0_rows01
    0,0,0
.uops depth0_row2
    0,20,1
.uops depth1_rows01
    32,100,2
.uops depth1_row2
    32,120,3
.uops depth0_rows01_b
    64,40,0
.uops depth0_row2_b
    64,60,1
.uops depth1_rows01_b
    96,140,2
.uops depth1_row2_b
    96,160,3
.uops rqt_depth
    0,256,0
.uops rqt_depth_b
    64,256,0
.uops point_first
    128,256,4
    160,256,6
.uops point_rest
    128,288,5
    160,288,7
.uops point_first_b
    192,320,4
    224,320,6
.uops point_rest_b
    192,352,5
    224,352,7
.uops rqt_point
    128,262,0
.uops rqt_point_b
    192,262,0

load uop sram=0 dram=0 cols=20
load acc sram=256 dram=@params cols=12
load wgt sram=0 dram=@w_depth cols=8
load inp sram=0 dram=@x rows=8 cols=8 pad=1,1,1,1
load inp sram=100 dram=@x+64 rows=8 cols=8 pad=1,1,1,1 push_next

; depthwise, half 0. The outer loop is over rows of pixels, the inner one over columns: x advances by
; one tile from step to step. pitch is the width of the padded image.
dwc uops=depth0_rows01 loop=4x8 dst=8,1 src=10,1 pitch=10 window=2x3 pop_prev overwrite
dwc uops=depth0_row2 loop=4x8 dst=8,1 src=10,1 pitch=10 window=1x3
dwc uops=depth1_rows01 loop=4x8 dst=8,1 src=10,1 pitch=10 window=2x3 overwrite
dwc uops=depth1_row2 loop=4x8 dst=8,1 src=10,1 pitch=10 window=1x3
alu rqt uops=rqt_depth loop=2x32 dst=32,1 src=3,0 zero_point=0 relu push_next
store inp sram=0 to=256 cols=64 pop_prev push_prev

; depthwise, half 1
dwc uops=depth0_rows01_b loop=4x8 dst=8,1 src=10,1 pitch=10 window=2x3 overwrite
dwc uops=depth0_row2_b loop=4x8 dst=8,1 src=10,1 pitch=10 window=1x3
dwc uops=depth1_rows01_b loop=4x8 dst=8,1 src=10,1 pitch=10 window=2x3 overwrite
dwc uops=depth1_row2_b loop=4x8 dst=8,1 src=10,1 pitch=10 window=1x3
alu rqt uops=rqt_depth_b loop=2x32 dst=32,1 src=3,0 zero_point=0 relu push_next
store inp sram=64 to=320 cols=64 pop_prev push_prev

; pointwise, half 0: wait until its inputs have been forwarded
gemm uops=point_first loop=1x32 dst=0,1 src=0,1 pop_next overwrite
gemm uops=point_rest loop=1x32 dst=0,1 src=0,1
alu rqt uops=rqt_point loop=2x32 dst=32,1 src=3,0 zero_point=0 push_next
store out sram=128 dram=@y rows=2 cols=32 stride=64 pop_prev

; pointwise, half 1
gemm uops=point_first_b loop=1x32 dst=0,1 src=0,1 pop_next overwrite
gemm uops=point_rest_b loop=1x32 dst=0,1 src=0,1
alu rqt uops=rqt_point_b loop=2x32 dst=32,1 src=3,0 zero_point=0 push_next
store out sram=192 dram=@y+32 rows=2 cols=32 stride=64 pop_prev

finish
