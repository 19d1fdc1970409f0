using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Tests.Dashboard;

/// <summary>One page in a headless Chromium, over its DevTools protocol. A page that lives by a web socket cannot be dumped from the command line.</summary>
internal sealed class Browser : IAsyncDisposable
{
    private static readonly string[] Programs = ["chromium", "chromium-browser", "google-chrome"];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private readonly Process _process;
    private readonly DirectoryInfo _profile;
    private readonly ClientWebSocket _socket = new();
    private int _lastId;

    private Browser(Process process, DirectoryInfo profile) => (_process, _profile) = (process, profile);

    /// <returns>Null when there is none on PATH.</returns>
    public static string? Find() => Programs.Select(Tool.Which).FirstOrDefault(path => path is not null);

    public static async Task<Browser> StartAsync(string program, CancellationToken cancel)
    {
        var profile = Directory.CreateTempSubdirectory("resilience-browser-");
        var process = Process.Start(new ProcessStartInfo(program,
        [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--window-size=1500,900", "--remote-debugging-port=0", $"--user-data-dir={profile.FullName}", "about:blank",
        ])
        { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var browser = new Browser(process, profile);
        await browser.ConnectAsync(cancel);
        return browser;
    }

    public Task GoAsync(Uri page, CancellationToken cancel) => AskAsync("Page.navigate", new JsonObject { ["url"] = page.ToString() }, cancel);

    /// <summary>Waits until the page shows all of the words; its text, shadow trees included.</summary>
    public async Task<string> ShowsAsync(CancellationToken cancel, params string[] words)
    {
        const string Script = """
            (() => {
              const out = [];
              const walk = node => {
                if (node.nodeType === Node.TEXT_NODE) out.push(node.textContent);
                if (node.shadowRoot) walk(node.shadowRoot);
                for (const child of node.childNodes) if (!['SCRIPT', 'STYLE'].includes(child.nodeName)) walk(child);
              };
              walk(document.body);
              return out.join(' ');
            })()
            """;
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var text = await EvaluateAsync(Script, cancel);
            if (words.All(word => text.Contains(word, StringComparison.Ordinal)))
            {
                return text;
            }

            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience, $"the page does not show {string.Join(", ", words.Where(word => !text.Contains(word, StringComparison.Ordinal)))}; it shows: {text[..Math.Min(text.Length, 2_000)]}");
            await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, cancel);
        }
    }

    public async Task<string> EvaluateAsync(string script, CancellationToken cancel)
    {
        var answer = await AskAsync("Runtime.evaluate", new JsonObject { ["expression"] = script, ["returnByValue"] = true }, cancel);
        return answer["result"]?["value"]?.ToString() ?? "";
    }

    public async Task PictureAsync(string file, CancellationToken cancel)
    {
        var answer = await AskAsync("Page.captureScreenshot", new JsonObject { ["format"] = "png" }, cancel);
        await File.WriteAllBytesAsync(file, Convert.FromBase64String((string)answer["data"]!), cancel);
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        try
        {
            _profile.Delete(recursive: true);
        }
        catch (IOException)
        {
            // A helper process of the browser is still closing; the folder is a temporary one.
        }
    }

    /// <remarks>The file DevToolsActivePort holds the port in its first line.</remarks>
    private async Task ConnectAsync(CancellationToken cancel)
    {
        var started = TimeProvider.System.GetTimestamp();
        var portFile = Path.Combine(_profile.FullName, "DevToolsActivePort");
        while (!File.Exists(portFile) || File.ReadAllLines(portFile).Length < 2)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience && !_process.HasExited, "the browser did not start");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancel);
        }

        using var http = new HttpClient();
        var targets = JsonNode.Parse(await http.GetStringAsync(new Uri($"http://127.0.0.1:{File.ReadAllLines(portFile)[0]}/json/list"), cancel))!.AsArray();
        var page = targets.First(target => (string?)target!["type"] == "page")!;
        await _socket.ConnectAsync(new Uri((string)page["webSocketDebuggerUrl"]!), cancel);
    }

    private async Task<JsonObject> AskAsync(string method, JsonObject parameters, CancellationToken cancel)
    {
        var id = ++_lastId;
        var question = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters };
        await _socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(question), WebSocketMessageType.Text, endOfMessage: true, cancel);
        while (true)
        {
            using var message = new MemoryStream();
            var buffer = new byte[64 * 1024];
            WebSocketReceiveResult part;
            do
            {
                part = await _socket.ReceiveAsync(buffer, cancel);
                message.Write(buffer, 0, part.Count);
            }
            while (!part.EndOfMessage);
            var answer = JsonNode.Parse(message.ToArray())!.AsObject();
            if ((int?)answer["id"] == id)
            {
                return answer["result"] as JsonObject ?? throw new InvalidOperationException($"{method}: {answer["error"]}");
            }
        }
    }
}
