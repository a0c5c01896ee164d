# What a forwarded packet costs, from cost.data: "label<TAB>instructions<TAB>kind", kind 1 ours, 2 peers
set terminal svg size 860,440 font "sans-serif,13" background "white"
set output "cost.svg"
set datafile separator "\t"
set title title_text
unset key
set style fill solid
set boxwidth 0.7
set yrange [*:*] reverse
set xrange [*:*]
set offsets 0, 400, 0.6, 0.6
set arrow from 0, graph 0 to 0, graph 1 nohead
set ytics nomirror scale 0
set xtics nomirror format "%'.0f"
set grid xtics lc rgb "#dddddd"
set border 2
set lmargin 52
set rmargin 8
set xlabel "instructions a packet, above empty tables"
plot "cost.data" using (0):0:(0):2:($0-0.35):($0+0.35):($3 == 1 ? 0x1f6f3f : 0x999999):ytic(1) with boxxyerror lc rgb variable, \
     "" using ($2 > 0 ? $2 : 0):0:(sprintf("  %d", $2)) with labels left
