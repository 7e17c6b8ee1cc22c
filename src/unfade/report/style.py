"""How a report looks: on a screen, dark or light, and on paper."""

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1f2933;--soft:#5b6673;--line:#d9dee4}
@media (prefers-color-scheme:dark){:root{--paper:#16181c;--ink:#e6e8eb;--soft:#a3abb5;
--line:#343a42}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:1.6rem;line-height:1.25;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:2.2em 0 .6em}
h3{font-size:1.02rem;margin:1.2em 0 .2em}h4{margin:.6em 0 .2em;font-size:.9rem}
p{margin:.4em 0}.lead{font-size:1.1rem}.warning{border-left:4px solid #d97706;padding-left:10px}
img{max-width:100%;height:auto;display:block}figure{margin:0}figcaption{color:var(--soft);
font-size:.86rem;padding:.3em 0}
table{border-collapse:collapse;width:100%;font-size:.92rem}td,th{text-align:left;
padding:5px 10px 5px 0;
border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
th{font-weight:600;color:var(--soft)}.number{font-variant-numeric:tabular-nums;white-space:nowrap}
code,pre{font:0.86rem/1.5 ui-monospace,monospace}pre{overflow:auto}
.bar{display:flex;height:14px;margin:16px 0 8px;background:var(--line)}.bar span{min-width:2px}
.key{display:inline-block;width:.8em;height:.8em;margin-right:.5em;border-radius:2px}
.crops{display:flex;flex-wrap:wrap;gap:18px}.crops figure{display:grid;
grid-template-columns:auto auto;
gap:3px}.crops figcaption{grid-column:1/3}.crops img{image-rendering:pixelated}
.both{position:relative;display:inline-block;max-width:100%}.both .top{position:absolute;inset:0;
clip-path:inset(0 calc(100% - var(--at,50%)) 0 0)}.both .line{position:absolute;top:0;bottom:0;
left:var(--at,50%);width:2px;margin-left:-1px;background:#fff;box-shadow:0 0 3px #000}
.both input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:ew-resize}
.both:focus-within{outline:2px solid #2f7fd1}
@media print{.both input,.both .line{display:none}details{display:block}body{font-size:11px}}
""".strip()
