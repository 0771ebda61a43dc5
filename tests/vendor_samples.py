"""Small handwritten reports in the formats of the vendor tools.

Each number occurs once, so that none can be confused with another; later tables repeat names of the first ones.
"""

C_SYNTHESIS_XML = """\
<profile>

<ReportVersion>
<Version>2024.2</Version>
</ReportVersion>

<UserAssignments>
<unit>ns</unit>
<Part>xcu250-figd2104-2L-e</Part>
<TopModelName>encoder</TopModelName>
<TargetClockPeriod>5.00</TargetClockPeriod>
<ClockUncertainty>1.35</ClockUncertainty>
</UserAssignments>

<PerformanceEstimates>
<PipelineType>yes</PipelineType>
<SummaryOfTimingAnalysis>
<unit>ns</unit>
<EstimatedClockPeriod>3.625</EstimatedClockPeriod>
</SummaryOfTimingAnalysis>
<SummaryOfOverallLatency>
<unit>clock cycles</unit>
<Best-caseLatency>10</Best-caseLatency>
<Average-caseLatency>11</Average-caseLatency>
<Worst-caseLatency>13</Worst-caseLatency>
<PipelineInitiationInterval>1</PipelineInitiationInterval>
<Interval-min>1</Interval-min>
<Interval-max>2</Interval-max>
</SummaryOfOverallLatency>
</PerformanceEstimates>

<AreaEstimates>
<Resources>
<BRAM_18K>6</BRAM_18K>
<DSP>45</DSP>
<FF>5639</FF>
<LUT>99424</LUT>
<URAM>3</URAM>
</Resources>
<AvailableResources>
<BRAM_18K>5376</BRAM_18K>
<DSP>12288</DSP>
<FF>3456000</FF>
<LUT>1728000</LUT>
<URAM>1280</URAM>
</AvailableResources>
</AreaEstimates>

</profile>
"""

C_SYNTHESIS_TEXT = """\


================================================================
== Vivado HLS Report for 'encoder'
================================================================
* Date:           Sat Jan  1 12:00:00 2022

* Version:        2019.1 (Build 2552052 on Fri May 24 15:28:33 MDT 2019)
* Project:        encoder_prj
* Solution:       solution1
* Product family: virtex7
* Target device:  xc7vx690tffg1761-2


================================================================
== Performance Estimates
================================================================
+ Timing (ns):\x20
    * Summary:\x20
    +--------+-------+----------+------------+
    |  Clock | Target| Estimated| Uncertainty|
    +--------+-------+----------+------------+
    |ap_clk  |   5.00|     4.125|        0.62|
    +--------+-------+----------+------------+

+ Latency (clock cycles):\x20
    * Summary:\x20
    +-----+-----+-----+-----+----------+
    |  Latency  |  Interval | Pipeline |
    | min | max | min | max |   Type   |
    +-----+-----+-----+-----+----------+
    |   30|   31|    1|    2| function |
    +-----+-----+-----+-----+----------+

    + Detail:\x20
        * Instance:\x20
        +----------+--------+-----+-----+-----+-----+----------+
        |          |        |  Latency  |  Interval | Pipeline |
        | Instance | Module | min | max | min | max |   Type   |
        +----------+--------+-----+-----+-----+-----+----------+
        |dense_U0  |dense   |    7|    8|    5|    6| function |
        +----------+--------+-----+-----+-----+-----+----------+


================================================================
== Utilization Estimates
================================================================
* Summary:\x20
+-----------------+---------+-------+--------+--------+
|       Name      | BRAM_18K| DSP48E|   FF   |   LUT  |
+-----------------+---------+-------+--------+--------+
|DSP              |        -|      -|       -|       -|
|FIFO             |        4|      -|     137|     224|
|Instance         |        -|     43|       -|  121000|
+-----------------+---------+-------+--------+--------+
|Total            |        4|     43|   32562|  121617|
+-----------------+---------+-------+--------+--------+
|Available        |     2940|   3600|  866400|  433200|
+-----------------+---------+-------+--------+--------+
|Utilization (%)  |       ~0|      1|       3|      28|
+-----------------+---------+-------+--------+--------+

+ Detail:\x20
    * FIFO:\x20
    +------------+---------+-----+-----+------+
    |    Name    | BRAM_18K|  FF | LUT | Depth|
    +------------+---------+-----+-----+------+
    |layer2_out  |        4|  137|  224|    16|
    +------------+---------+-----+-----+------+
    |Total       |        4|  137|  224|    16|
    +------------+---------+-----+-----+------+
"""

LOGIC_SYNTHESIS = """\
Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.
------------------------------------------------------------------------------------
| Tool Version : Vivado v.2023.2 (lin64) Build 4029153 Fri Oct 13 20:13:54 MDT 2023
| Date         : Mon Jan  1 12:00:00 2024
| Host         : laboratory running 64-bit Linux
| Command      : report_utilization -file vivado_synth.rpt
| Design       : encoder
| Device       : xcu250-figd2104-2L-e
| Speed File   : -2L
| Design State : Synthesized
------------------------------------------------------------------------------------

Utilization Design Information

Table of Contents
-----------------
1. CLB Logic
2. BLOCKRAM
3. ARITHMETIC
4. Black Boxes
5. SLR CLB Logic and Dedicated Block Utilization

1. CLB Logic
------------

+----------------------------+-------+-------+------------+-----------+-------+
|          Site Type         |  Used | Fixed | Prohibited | Available | Util% |
+----------------------------+-------+-------+------------+-----------+-------+
| CLB LUTs*                  | 47123 |     0 |          0 |   1728000 |  2.73 |
|   LUT as Logic             | 47100 |     0 |          0 |   1728000 |  2.73 |
|   LUT as Memory            |    23 |     0 |          0 |    791040 | <0.01 |
| CLB Registers              |  5001 |     0 |          0 |   3456000 |  0.14 |
+----------------------------+-------+-------+------------+-----------+-------+
* Warning! The Final LUT count, after physical optimizations and full implementation, is typically lower.


2. BLOCKRAM
-----------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    |  2.5 |     0 |          0 |      2688 |  0.09 |
|   RAMB36/FIFO*    |    2 |     0 |          0 |      2688 |  0.07 |
|   RAMB18          |    1 |     0 |          0 |      5376 |  0.02 |
| URAM              |    7 |     0 |          0 |      1280 |  0.55 |
+-------------------+------+-------+------------+-----------+-------+


3. ARITHMETIC
-------------

+----------------+------+-------+------------+-----------+-------+
|    Site Type   | Used | Fixed | Prohibited | Available | Util% |
+----------------+------+-------+------------+-----------+-------+
| DSPs           |   44 |     0 |          0 |     12288 |  0.36 |
|   DSP48E2 only |   44 |       |            |           |       |
+----------------+------+-------+------------+-----------+-------+


4. Black Boxes
--------------

+----------+------+
| Ref Name | Used |
+----------+------+


5. SLR CLB Logic and Dedicated Block Utilization
------------------------------------------------

+-----------------+------+------+--------+--------+
|    Site Type    | SLR0 | SLR1 | SLR0 % | SLR1 % |
+-----------------+------+------+--------+--------+
| CLB LUTs        |    0 |    0 |   0.00 |   0.00 |
| CLB Registers   |    0 |    0 |   0.00 |   0.00 |
| Block RAM Tile  |    0 |    0 |   0.00 |   0.00 |
| URAM            |    0 |    0 |   0.00 |   0.00 |
| DSPs            |    0 |    0 |   0.00 |   0.00 |
+-----------------+------+------+--------+--------+
"""

VERSAL_LOGIC_SYNTHESIS = """\
Copyright 1986-2022 Xilinx, Inc. All Rights Reserved. Copyright 2022-2025 Advanced Micro Devices, Inc.
---------------------------------------------------------------------------------------
| Tool Version : Vivado v.2025.1 (lin64) Build 6140274 Wed May 21 22:58:25 MDT 2025
| Date         : Mon Sep  1 12:00:00 2025
| Command      : report_utilization -file vivado_synth.rpt
| Design       : encoder
| Device       : xcvc1902-vsva2197-2MP-e-S
| Design State : Synthesized
---------------------------------------------------------------------------------------

1. Netlist Logic
----------------

+----------------------------+-------+-------+------------+-----------+-------+
|          Site Type         |  Used | Fixed | Prohibited | Available | Util% |
+----------------------------+-------+-------+------------+-----------+-------+
| Registers                  |  5003 |     0 |          0 |   1799680 |  0.28 |
|   Register as Flip Flop    |  5002 |     0 |          0 |   1799680 |  0.28 |
|   Register as Latch        |     1 |     0 |          0 |   1799680 | <0.01 |
| CLB LUTs                   | 47125 |     0 |          0 |    899840 |  5.24 |
|   LUT as Logic             | 47101 |     0 |          0 |    899840 |  5.23 |
|   LUT as Memory            |    24 |     0 |          0 |    449920 | <0.01 |
| LOOKAHEAD8                 |   380 |     0 |          0 |    112480 |  0.34 |
+----------------------------+-------+-------+------------+-----------+-------+


3. BLOCKRAM
-----------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    |  3.5 |     0 |          0 |       967 |  0.36 |
|   RAMB36E5        |    3 |     0 |          0 |       967 |  0.31 |
|   RAMB18E5*       |    1 |     0 |          0 |      1934 |  0.05 |
| URAM              |    6 |     0 |          0 |       463 |  1.30 |
+-------------------+------+-------+------------+-----------+-------+


4. ARITHMETIC
-------------

+---------------+------+-------+------------+-----------+-------+
|   Site Type   | Used | Fixed | Prohibited | Available | Util% |
+---------------+------+-------+------------+-----------+-------+
| DSP Slices    |   42 |     0 |          0 |      1968 |  2.13 |
|   DSP58       |   41 |     0 |            |           |       |
|   DSPFP32     |    1 |     0 |            |           |       |
+---------------+------+-------+------------+-----------+-------+
"""

COSIMULATION = """\
Report time       : Mon Jan  1 12:00:00 UTC 2024.
Solution          : solution1.
Simulation tool   : xsim.

+----------+----------+-----------------------------------+-----------------------------------+----------------------+
|          |          |       Latency(Clock Cycles)       |      Interval(Clock Cycles)       | Total Execution Time |
+   RTL    +  Status  +-----------------------------------+-----------------------------------+    (Clock Cycles)    +
|          |          |    min    |    avg    |    max    |    min    |    avg    |    max    |                      |
+----------+----------+-----------------------------------+-----------------------------------+----------------------+
|      VHDL|        NA|         NA|         NA|         NA|         NA|         NA|         NA|                    NA|
|   Verilog|      Pass|         10|         11|         13|          1|          2|          4|                   123|
+----------+----------+-----------------------------------+-----------------------------------+----------------------+
"""
