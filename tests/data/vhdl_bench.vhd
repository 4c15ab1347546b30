-- Register driver and AXI memory around the converted core; names in @ come from vhdl_bench.py.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use std.textio.all;
use std.env.all;

entity bench is
end entity;

architecture behaviour of bench is
@SIGNALS@
    constant BASE: natural := @BASE@;
    constant SIZE: natural := @SIZE@;
    constant BUS_BYTES: natural := @BUS_BYTES@;
    constant PAUSE: natural := @PAUSE@;
    constant LINE_BYTES: natural := 16;
    constant DEPTH: natural := 64;
    subtype byte is std_logic_vector(7 downto 0);
    type bytes is array (0 to SIZE - 1) of byte;
    type numbers is array (0 to DEPTH - 1) of natural;
    signal finished: boolean := false;
    signal saved: boolean := false;
    signal cycle: natural := 0;
begin
    core: entity work.myvta_core port map (
        @PINS@
    );

    tick: process
    begin
        wait for 5 ns;
        clock <= '1';
        wait for 5 ns;
        clock <= '0';
        cycle <= cycle + 1;
        assert cycle < @LIMIT@ report "the bench takes too long" severity failure;
    end process;

    host: process
        file script: text open read_mode is "script.txt";
        file results: text open write_mode is "registers.out";
        variable row, result: line;
        variable verb: character;
        variable offset: std_logic_vector(15 downto 0);
        variable value: std_logic_vector(31 downto 0);
        variable good: boolean;
        variable address_done, data_done: boolean;

        procedure read_register is
        begin
            s_axi_araddr <= unsigned(offset);
            s_axi_arvalid <= '1';
            s_axi_rready <= '1';
            loop
                wait until rising_edge(clock);
                if s_axi_arvalid = '1' and s_axi_arready = '1' then
                    s_axi_arvalid <= '0';
                end if;
                exit when s_axi_rvalid = '1';
            end loop;
            s_axi_rready <= '0';
            assert s_axi_rresp = "00" report "a register read was refused" severity error;
            assert not is_x(std_logic_vector(s_axi_rdata)) report "a register is unknown" severity error;
        end procedure;
    begin
        reset <= '1';
        for i in 1 to 4 loop
            wait until rising_edge(clock);
        end loop;
        reset <= '0';
        while not endfile(script) loop
            readline(script, row);
            read(row, verb, good);
            hread(row, offset, good);
            hread(row, value, good);
            assert good report "the script cannot be read" severity failure;
            if verb = 'W' then
                s_axi_awaddr <= unsigned(offset);
                s_axi_wdata <= unsigned(value);
                s_axi_wstrb <= "1111";
                s_axi_awvalid <= '1';
                s_axi_wvalid <= '1';
                s_axi_bready <= '1';
                address_done := false;
                data_done := false;
                loop
                    wait until rising_edge(clock);
                    if s_axi_awvalid = '1' and s_axi_awready = '1' then
                        s_axi_awvalid <= '0';
                        address_done := true;
                    end if;
                    if s_axi_wvalid = '1' and s_axi_wready = '1' then
                        s_axi_wvalid <= '0';
                        data_done := true;
                    end if;
                    exit when s_axi_bvalid = '1';
                end loop;
                s_axi_bready <= '0';
                assert address_done and data_done report "answered too early" severity error;
                assert s_axi_bresp = "00" report "a register write was refused" severity error;
            elsif verb = 'P' then
                loop
                    read_register;
                    exit when (s_axi_rdata and unsigned(value)) = 0;
                end loop;
            else
                read_register;
                hwrite(result, std_logic_vector(s_axi_rdata));
                writeline(results, result);
            end if;
        end loop;
        file_close(results);
        finished <= true;
        wait until saved;
        stop(0);
    end process;

    memory: process
        variable content: bytes;
        file image: text open read_mode is "memory.txt";
        file dump: text open write_mode is "memory.out";
        variable row: line;
        variable word: std_logic_vector(8 * LINE_BYTES - 1 downto 0);
        variable read_at, read_left, write_at, write_left: numbers := (others => 0);
        variable reads, read_first, writes, write_first, answers: natural := 0;
        variable data: unsigned(m_axi_rdata'range);
        variable rests: std_logic;

        impure function rest(phase: natural) return std_logic is
        begin
            if PAUSE /= 0 and (cycle + phase) mod PAUSE = 0 then
                return '0';
            end if;
            return '1';
        end function;

        procedure check_burst(address: unsigned; beats: natural; kind: string) is
            constant at: natural := to_integer(address);
        begin
            assert at >= BASE and at + beats * BUS_BYTES <= BASE + SIZE
                report kind & " outside the window" severity error;
            assert at / 4096 = (at + beats * BUS_BYTES - 1) / 4096
                report kind & " crosses 4 KiB" severity error;
        end procedure;
    begin
        for i in 0 to SIZE / LINE_BYTES - 1 loop
            readline(image, row);
            hread(row, word);
            for k in 0 to LINE_BYTES - 1 loop
                content(i * LINE_BYTES + k) := word(8 * k + 7 downto 8 * k);
            end loop;
        end loop;
        while not finished loop
            wait until rising_edge(clock) or finished;
            next when finished or reset = '1';
            if m_axi_arvalid = '1' and m_axi_arready = '1' then
                check_burst(m_axi_araddr, to_integer(m_axi_arlen) + 1, "AR");
                assert reads < DEPTH report "too many reads" severity failure;
                read_at((read_first + reads) mod DEPTH) := to_integer(m_axi_araddr) - BASE;
                read_left((read_first + reads) mod DEPTH) := to_integer(m_axi_arlen) + 1;
                reads := reads + 1;
            end if;
            if m_axi_awvalid = '1' and m_axi_awready = '1' then
                check_burst(m_axi_awaddr, to_integer(m_axi_awlen) + 1, "AW");
                assert writes < DEPTH report "too many writes" severity failure;
                write_at((write_first + writes) mod DEPTH) := to_integer(m_axi_awaddr) - BASE;
                write_left((write_first + writes) mod DEPTH) := to_integer(m_axi_awlen) + 1;
                writes := writes + 1;
            end if;
            if m_axi_bvalid = '1' and m_axi_bready = '1' then
                m_axi_bvalid <= '0';
                answers := answers - 1;
            end if;
            if m_axi_wvalid = '1' and m_axi_wready = '1' then
                for k in 0 to BUS_BYTES - 1 loop
                    if m_axi_wstrb(k) = '1' then
                        content(write_at(write_first) + k) :=
                            std_logic_vector(m_axi_wdata(8 * k + 7 downto 8 * k));
                    end if;
                end loop;
                write_at(write_first) := write_at(write_first) + BUS_BYTES;
                write_left(write_first) := write_left(write_first) - 1;
                assert (m_axi_wlast = '1') = (write_left(write_first) = 0)
                    report "WLAST in the wrong beat" severity error;
                if write_left(write_first) = 0 then
                    write_first := (write_first + 1) mod DEPTH;
                    writes := writes - 1;
                    answers := answers + 1;
                end if;
            end if;
            if m_axi_rvalid = '0' or m_axi_rready = '1' then
                m_axi_rvalid <= '0';
                rests := rest(1);
                if reads > 0 and rests = '1' then
                    for k in 0 to BUS_BYTES - 1 loop
                        data(8 * k + 7 downto 8 * k) := unsigned(content(read_at(read_first) + k));
                    end loop;
                    m_axi_rdata <= data;
                    m_axi_rvalid <= '1';
                    m_axi_rlast <= '0';
                    read_at(read_first) := read_at(read_first) + BUS_BYTES;
                    read_left(read_first) := read_left(read_first) - 1;
                    if read_left(read_first) = 0 then
                        m_axi_rlast <= '1';
                        read_first := (read_first + 1) mod DEPTH;
                        reads := reads - 1;
                    end if;
                end if;
            end if;
            if answers > 0 and rest(2) = '1' then
                m_axi_bvalid <= '1';
            end if;
            m_axi_arready <= rest(3) when reads < DEPTH - 1 else '0';
            m_axi_awready <= rest(4) when writes < DEPTH - 1 else '0';
            -- W waits until the address of its burst is here
            m_axi_wready <= rest(5) when writes > 0 else '0';
        end loop;
        for i in 0 to SIZE / LINE_BYTES - 1 loop
            for k in 0 to LINE_BYTES - 1 loop
                word(8 * k + 7 downto 8 * k) := content(i * LINE_BYTES + k);
            end loop;
            hwrite(row, word);
            writeline(dump, row);
        end loop;
        file_close(dump);
        saved <= true;
        wait;
    end process;
end architecture;
