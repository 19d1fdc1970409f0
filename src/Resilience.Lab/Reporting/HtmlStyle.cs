namespace Resilience.Lab.Reporting;

/// <summary>The look of report.html, for light and dark.</summary>
internal static class HtmlStyle
{
    public const string Css = """
        :root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#16202c;--muted:#5b6876;--grid:#d5dbe2;--blue:#2563eb;--green:#159a4a;--bad:#d92d20;--good:#7fa88f;--accent:#9333ea;--amber:#b45309}
        @media (prefers-color-scheme:dark){:root{--page:#0f141a;--card:#18202a;--ink:#e8edf3;--muted:#9aa8b7;--grid:#323d4a;--blue:#6ea0ff;--green:#3ecf7c;--bad:#ff6b60;--good:#5f8a72;--accent:#c084fc;--amber:#f0a040}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
        main{max-width:1040px;margin:0 auto;padding:28px 20px 60px}
        header{display:flex;gap:22px;align-items:flex-start;background:var(--card);border-radius:14px;padding:24px;border-left:10px solid var(--muted)}
        header.pass{border-left-color:var(--green)}header.fail,header.aborted{border-left-color:var(--bad)}
        h1{margin:0;font-size:30px;line-height:1.15}h2{font-size:19px;margin:0 0 4px}h2.run{margin:34px 0 0;font-size:24px}
        header p{margin:4px 0}.lead{font-size:19px;font-weight:600}
        .badge{font-weight:800;font-size:26px;text-transform:uppercase;letter-spacing:.04em;padding:10px 18px;border-radius:10px;color:#fff;background:var(--muted)}
        .pass .badge{background:#15803d}.fail .badge,.aborted .badge{background:#c0261a}
        section{background:var(--card);border-radius:14px;padding:18px 22px;margin-top:16px;overflow-x:auto}
        section p{margin:2px 0 8px}.small{font-size:13.5px;color:var(--muted)}.where{margin:8px 4px}
        .aborted{color:var(--bad);font-weight:600}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:14px;background:none;padding:0}
        .tile{background:var(--card);border-radius:14px;padding:14px 18px}.tile b{display:block;font-size:30px;line-height:1.2;font-variant-numeric:tabular-nums}.tile span{font-size:13.5px;color:var(--muted)}
        table{border-collapse:collapse;width:100%;font-size:14.5px}th{text-align:left;color:var(--muted);font-weight:600}th,td{padding:7px 10px 7px 0;border-bottom:1px solid var(--grid);vertical-align:top}
        tr:last-child td{border-bottom:0}.mark{font-weight:800;font-size:18px;width:26px}.mark.good{color:var(--green)}.mark.bad{color:var(--bad)}
        svg{display:block;width:100%;height:auto}svg text{font-family:inherit}
        .timeline text{fill:var(--ink);font-size:13.5px;text-anchor:middle}.timeline .small{fill:var(--muted);font-size:12px}.timeline .strong{font-weight:700;font-size:15px;fill:var(--bad)}
        .timeline .axis{stroke:var(--muted);stroke-width:3;stroke-linecap:round}.timeline .stem{stroke:var(--grid);stroke-width:1}.timeline .wait{fill:var(--bad);opacity:.14}
        .dot{fill:var(--ink);stroke:var(--card);stroke-width:2}.dot.bad{fill:var(--bad)}.dot.accent{fill:var(--accent)}.dot.blue{fill:var(--blue)}.dot.green{fill:var(--green)}
        .legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin:0 5px 0 12px}
        .story{list-style:none;margin:6px 0 0;padding:0;font-size:14.5px}.story li{padding:3px 0 3px 12px;border-left:3px solid var(--grid)}.story time{display:inline-block;width:86px;color:var(--muted);font-variant-numeric:tabular-nums}
        .story .fault,.story .abort{border-left-color:var(--bad)}.story .floor{border-left-color:var(--accent)}.story .move{border-left-color:var(--accent);font-weight:600}.story .restore{border-left-color:var(--green)}
        details{margin-top:12px}summary{cursor:pointer;color:var(--muted)}pre{font-size:12px;overflow:auto;max-height:520px}
        @media print{body{background:#fff}section,header,.tile{break-inside:avoid}}
        """;
}
