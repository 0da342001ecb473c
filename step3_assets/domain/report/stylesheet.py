"""The style sheet of the HTML page: screen, phone, paper.

Belongs here: the style sheet. Does not belong here: content. Pass and fail differ in wording and
weight as well as colour. The page loads nothing from elsewhere.
"""

STYLE = """
:root {
  --ink: #1c1e21; --faint: #5b6066; --line: #d8dce0; --band: #f4f6f8;
  --pass: #00557f; --fail: #a33b00; --page: #ffffff; --link: #00557f; --stripe: #fafbfc;
  --note: #fff7e6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e4e6e8; --faint: #a5abb1; --line: #3a3f45; --band: #23262a; --page: #16181b;
    --pass: #7cc4f0; --fail: #ff9a5c; --link: #7cc4f0; --stripe: #1b1e21; --note: #2d2616;
  }
}
* { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 66rem;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  color: var(--ink); background: var(--page); overflow-wrap: anywhere;
}
h1 {
  margin: 0 0 1rem; padding: 0.8rem 1rem; font-size: 1.35rem; line-height: 1.35;
  background: var(--band); border-left: 6px solid var(--ink);
}
h2 {
  margin: 2.6rem 0 0.8rem; padding-bottom: 0.25rem; font-size: 1.2rem;
  border-bottom: 2px solid var(--line); break-after: avoid;
}
p, ul { margin: 0.7rem 0; max-width: 46rem; }
p:has(picture) { max-width: none; }
ul { padding-left: 1.2rem; }
li { margin: 0.25rem 0; }
a { color: var(--link); }
code { font-size: 0.9em; background: var(--band); padding: 0.05em 0.3em; border-radius: 3px; }
blockquote {
  margin: 1rem 0; padding: 0.1rem 1rem; border-left: 6px solid #e69f00; background: var(--note);
}
em { color: var(--faint); }
figure, picture, img { display: block; max-width: 100%; }
picture.drawn { display: none; }
.chart { margin: 1rem 0; min-height: 340px; border: 1px solid var(--line); }
img {
  width: 100%; height: auto; background: #ffffff; margin: 1rem 0; border: 1px solid var(--line);
}
.scroll {
  overflow-x: auto; margin: 1rem 0; border: 1px solid var(--line);
  width: fit-content; max-width: 100%; min-width: min(100%, 34rem);
}
table { border-collapse: collapse; width: 100%; font-size: 0.86rem; line-height: 1.35; }
th, td { padding: 0.4rem 0.65rem; text-align: left; vertical-align: top; overflow-wrap: normal; }
td { border-top: 1px solid var(--line); white-space: nowrap; font-variant-numeric: tabular-nums; }
th { background: var(--band); vertical-align: bottom; font-weight: 600; min-width: 4.5rem; }
td.prose { white-space: normal; min-width: 15rem; }
td.long { white-space: normal; min-width: 14rem; text-align: left !important; }
td.missing { color: var(--faint); white-space: normal; }
th:first-child, td:first-child {
  position: sticky; left: 0; background: var(--page); border-right: 1px solid var(--line);
}
th:first-child { background: var(--band); }
tbody tr:nth-child(even) td { background: var(--stripe); }
.pass { color: var(--pass); font-weight: 600; }
.fail { color: var(--fail); font-weight: 800; }
details { margin: 1rem 0; }
summary { cursor: pointer; padding: 0.5rem 0; font-weight: 600; color: var(--link); }
.mark {
  position: sticky; top: 0; z-index: 5; margin: -1.5rem -1.25rem 1.2rem; padding: 0.3rem;
  text-align: center; font-weight: 800; letter-spacing: 0.3em; background: #e69f00; color: #1c1e21;
}
.mark + h1 { border-left-color: #e69f00; }

@media (max-width: 600px) {
  body { padding: 0.8rem 0.8rem 3rem; font-size: 16px; }
  .mark { margin: -0.8rem -0.8rem 1rem; }
  h1 { font-size: 1.12rem; }
  h2 { font-size: 1.1rem; margin-top: 2rem; }
  table { font-size: 0.8rem; }
  th, td { padding: 0.35rem 0.5rem; }
  th:first-child, td:first-child { max-width: 9rem; white-space: normal; }
  table:has(td.prose) tr { display: grid; grid-template-columns: 2fr 0.9fr 1.2fr 1.4fr; }
  table:has(td.prose) :is(th, td) { min-width: 0; max-width: none; border-right: 0; }
  table:has(td.prose) td.prose { grid-column: 1 / -1; border-top: 0; padding-top: 0; }
  table:has(td.prose) th.prose { display: none; }
  td.missing { white-space: normal; }
}

@media print {
  :root {
    --ink: #1c1e21; --faint: #5b6066; --line: #d8dce0; --band: #f4f6f8; --page: #ffffff;
    --pass: #00557f; --fail: #a33b00; --link: #00557f; --stripe: #fafbfc; --note: #fff7e6;
  }
  .chart { display: none; }
  picture.drawn { display: block; }
  details { display: none; }
  @page { size: A4; margin: 16mm 12mm 14mm; @bottom-right { content: counter(page); } }
  body { padding: 0; max-width: none; font-size: 8.5pt; line-height: 1.35; }
  h1 { font-size: 13pt; } h2 { font-size: 11pt; margin: 0.9rem 0 0.3rem; }
  p, ul, .scroll { margin: 0.35rem 0; }
  a { color: inherit; text-decoration: none; }
  p, ul { max-width: none; }
  .scroll { overflow: visible; border: 0; }
  table { font-size: 6.6pt; line-height: 1.2; }
  th, td { padding: 0.08rem 0.25rem; position: static !important; }
  th { min-width: 0; }
  th:first-child, td:first-child { max-width: none; }
  td.prose { min-width: 9rem; }
  table:has(td.prose) { font-size: 7pt; }
  thead { display: table-header-group; }
  tr, img, p:has(picture) { break-inside: avoid; }
  img { max-height: 62mm; width: auto; max-width: 100%; margin: 0.5rem auto; }
  .mark { position: static; margin: 0 0 0.8rem; }
}
"""

SYNTHETIC_STYLE = """
@media print {
  :root {
    --ink: #1c1e21; --faint: #5b6066; --line: #d8dce0; --band: #f4f6f8; --page: #ffffff;
    --pass: #00557f; --fail: #a33b00; --link: #00557f; --stripe: #fafbfc; --note: #fff7e6;
  }
  .chart { display: none; }
  picture.drawn { display: block; }
  details { display: none; }
  @page { @top-center { content: "SYNTHETIC"; font: 800 10pt sans-serif; letter-spacing: 0.3em; } }
  body::before {
    content: "SYNTHETIC"; position: fixed; top: 40%; left: 0; right: 0; z-index: 9;
    text-align: center; font-size: 76pt; font-weight: 800; transform: rotate(-30deg);
    color: rgba(120, 120, 120, 0.13);
  }
}
"""
