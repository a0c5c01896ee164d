# What a forwarded packet costs, from cost.data: "label<TAB>instructions<TAB>kind", kind 1 ours, 2 peers
set terminal svg size 1000,440 font "sans-serif,13" background "white"
set output "cost.svg"
set datafile separator "\t"
unset key
set style fill solid
set boxwidth 0.7
set yrange [*:*] reverse
set xrange [-3500:4500]
set offsets 0, 0, 0.6, 0.6
set arrow from 0, graph 0 to 0, graph 1 nohead
set ytics nomirror scale 0
set xtics -2000,2000,4000 nomirror format "%'.0f"
set grid xtics lc rgb "#dddddd"
set border 0
set lmargin at screen 0.59
set rmargin at screen 0.97
set tmargin at screen 0.9
set label title_text at screen 0.5, screen 0.95 center font ",15"
set xlabel "instructions for a packet, above empty tables"
plot "cost.data" using (0):0:(0):2:($0-0.35):($0+0.35):($3 == 1 ? 0x1f6f3f : 0x999999):ytic(1) with boxxyerror lc rgb variable, \
     "" using ($2 > 0 ? $2 : 0):0:(sprintf("  %d", $2)) with labels left
