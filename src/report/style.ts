// The report's style sheet. Colours are variables with a light and a dark set; the series colours are told apart by colour-blind
// readers too. Nothing is loaded from anywhere.

export const seriesColors = Array.from({ length: 10 }, (_, index) => `var(--series-${index})`);

export const styleSheet = `
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2230;--soft:#5c6675;--line:#dfe3e9;--code:#f1f3f7;--good:#0a7d4f;--bad:#b3372f;
--series-0:#2f6fdb;--series-1:#e08a00;--series-2:#0f9d76;--series-3:#b8559b;--series-4:#d1495b;--series-5:#6b8fa3;--series-6:#8f6bd8;--series-7:#a98a2c;--series-8:#4aa5c4;--series-9:#8a8f98}
@media(prefers-color-scheme:dark){:root{--page:#12151b;--card:#1a1f28;--ink:#e6eaf0;--soft:#98a3b3;--line:#2c333f;--code:#232a35;--good:#4cc38a;--bad:#ff8d82;
--series-0:#74a5ff;--series-1:#ffb547;--series-2:#3ecf9f;--series-3:#e58cc9;--series-4:#ff7b8b;--series-5:#8fb4c8;--series-6:#b79bff;--series-7:#d8bb58;--series-8:#7cd0ea;--series-9:#a9afb9}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:28px;line-height:1.2;margin:0 0 4px}h2{font-size:19px;margin:40px 0 12px}
p{margin:0 0 10px;max-width:75ch}.soft,small,figcaption small{color:var(--soft)}
.grid{display:grid;gap:14px;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr))}
.numbers{display:grid;gap:14px;grid-template-columns:repeat(auto-fit,minmax(180px,1fr));margin:20px 0}
.card,figure{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;margin:0;min-width:0}
.card b.big{display:block;font-size:25px;line-height:1.25;font-variant-numeric:tabular-nums}
figcaption b{display:block}figcaption small{display:block;min-height:1.5em}
svg{display:block;width:100%;height:auto;margin-top:6px}
svg .grid{stroke:var(--line)}svg .axis{stroke:var(--soft)}svg .zero{stroke:var(--soft);stroke-dasharray:3 3}
svg text{fill:var(--soft);font-size:11px}svg text.name{fill:var(--ink);font-size:12px}
svg .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}svg .raw{fill:none;stroke-width:1;opacity:.28}
svg .area{opacity:.85}svg .hover{fill:transparent}svg .hover:hover{fill:var(--soft);opacity:.14}
.legend{display:flex;flex-wrap:wrap;gap:3px 14px;margin-top:6px;font-size:12.5px;color:var(--soft)}
.legend i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:5px}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 10px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600;color:var(--soft);font-size:13px}th:first-child,td:first-child{text-align:left}
tr.group td{font-weight:600;padding-top:14px}tr.all td{font-weight:600}.up{color:var(--good)}.down{color:var(--bad)}
pre{background:var(--code);border-radius:7px;padding:9px 11px;margin:4px 0 10px;overflow-x:auto;font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.tag{display:inline-block;border-radius:99px;padding:1px 9px;font-size:12px;background:var(--code);color:var(--soft);margin-right:6px}
.task h3{font-size:15px;margin:0 0 8px}.task label{font-size:12.5px;color:var(--soft)}.right{border-left:3px solid var(--good)}.wrong{border-left:3px solid var(--bad)}
details{margin-top:8px}summary{cursor:pointer;color:var(--soft)}
.config td{text-align:left;white-space:normal;overflow-wrap:anywhere}.config td:first-child{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px}
`;
