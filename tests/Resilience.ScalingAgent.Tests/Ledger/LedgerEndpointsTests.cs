using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Tests.Ledger;

public sealed class LedgerEndpointsTests : IAsyncLifetime
{
    private const string Token = "a-token-of-the-tests-9f2c";

    private readonly string _folder = Directory.CreateTempSubdirectory("resilience-store-").FullName;
    private readonly FakeLogCollector _log = new();
    private WebApplication _app = null!;
    private HttpClient _management = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private SqliteAgentStore Store => _app.Services.GetRequiredService<SqliteAgentStore>();

    public async ValueTask InitializeAsync() => await StartAsync(Token);

    [Fact]
    public async Task Ledger_ListsOneEntry_WithItsOutcome_AndVerifies()
    {
        var decision = Append(EntryKind.Decision);
        _ = Append(EntryKind.Outcome, decision.Number);

        var page = await ReadAsync("/ledger?kind=decision&scaler=shop/web&limit=5");
        var found = await ReadAsync($"/ledger/{decision.Number}");
        var verdict = await ReadAsync("/ledger/verify");

        var listed = Assert.Single(page.GetProperty("entries").EnumerateArray());
        Assert.Equal((1, "shop", "web", "decision", decision.Hash), (
            listed.GetProperty("number").GetInt32(), listed.GetProperty("namespace").GetString(), listed.GetProperty("name").GetString(),
            listed.GetProperty("kind").GetString(), listed.GetProperty("hash").GetString()));
        Assert.Equal("x", listed.GetProperty("body").GetProperty("reason").GetString());
        Assert.Equal(1, found.GetProperty("outcome").GetProperty("refers").GetInt32());
        Assert.EndsWith("{\"v\":1,\"reason\":\"x\"}", found.GetProperty("canonical").GetString(), StringComparison.Ordinal);
        Assert.True(verdict.GetProperty("intact").GetBoolean());
        Assert.Equal(2, verdict.GetProperty("entries").GetInt32());
    }

    [Theory]
    [InlineData("/ledger?limit=0", 400, "limit is a whole number from 1 to 500, not '0'")]
    [InlineData("/ledger?limit=501", 400, "limit")]
    [InlineData("/ledger?limit=many", 400, "limit")]
    [InlineData("/ledger?limit=1&limit=2", 400, "limit")]
    [InlineData("/ledger?before=-3", 400, "before is the number of an entry")]
    [InlineData("/ledger?after=99999999999999999999", 400, "after is the number of an entry")]
    [InlineData("/ledger?before=3&after=1", 400, "exclude each other")]
    [InlineData("/ledger?kind=gossip", 400, "kind is one of decision, outcome, notice, checkpoint, not 'gossip'")]
    [InlineData("/ledger?scaler=a/b/c", 400, "scaler is a name")]
    [InlineData("/ledger?scaler=%27%20OR%201", 400, "scaler is a name")]
    [InlineData("/ledger?sclaer=web", 400, "There is no parameter 'sclaer'")]
    [InlineData("/ledger/first", 400, "not 'first'")]
    [InlineData("/ledger/0", 400, "not '0'")]
    [InlineData("/ledger/99", 404, "Entry 99 is not in the ledger")]
    public async Task BadParameters_AreProblemJson(string path, int status, string detail)
    {
        using var answer = await _management.GetAsync(path, Cancel);
        await AssertProblemAsync(answer, (HttpStatusCode)status, detail);
    }

    [Theory]
    [InlineData("GET", "/ledger")]
    [InlineData("GET", "/ledger/1")]
    [InlineData("GET", "/ledger/verify")]
    [InlineData("GET", "/learned")]
    [InlineData("DELETE", "/learned/shop/web")]
    public async Task OtherPorts_KnowNothingOfIt(string method, string path)
    {
        _ = Append(EntryKind.Decision);
        using var main = new HttpClient { BaseAddress = new Uri(Address(0)) };
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        using var answer = await main.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Empty(await answer.Content.ReadAsStringAsync(Cancel));
    }

    [Theory]
    [InlineData("Authorization", "Bearer " + Token, true)]
    [InlineData("Authorization", "bearer " + Token, true)]
    [InlineData("X-Reset-Token", Token, true)]
    [InlineData("Authorization", "Bearer " + Token + "x", false)]
    [InlineData("Authorization", "Bearer " + "a", false)]
    [InlineData("Authorization", "Bearer ", false)]
    [InlineData("Authorization", "Basic " + Token, false)]
    [InlineData("X-Reset-Token", "wrong", false)]
    [InlineData("X-Other", Token, false)]
    public async Task Reset_TakesTheToken_AndNothingElse(string header, string value, bool accepted)
    {
        Store.WriteLearned(TemporaryStore.Web, "capacity", TemporaryStore.Start, TemporaryStore.Body("x"));
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/learned/shop/web");
        _ = request.Headers.TryAddWithoutValidation(header, value);
        using var answer = await _management.SendAsync(request, Cancel);

        Assert.Equal(accepted ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal(accepted, Store.ReadLearned(TemporaryStore.Web, "capacity") is null);
        Assert.DoesNotContain(_log.GetSnapshot(), record => record.Message.Contains(Token, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Reset_WithDemand_AnswersTheNotice_AndListsWhatIsLeft()
    {
        Store.WriteLearned(TemporaryStore.Web, "capacity", TemporaryStore.Start, TemporaryStore.Body("x"));
        Store.AppendDemand(TemporaryStore.Web, [new DemandSample(TemporaryStore.Start, 7)]);
        var before = Assert.Single((await ReadAsync("/learned")).GetProperty("scalers").EnumerateArray());
        Assert.Equal((1, "capacity"), (before.GetProperty("demandSamples").GetInt32(), before.GetProperty("learned")[0].GetProperty("name").GetString()));

        using var answer = await ResetAsync("/learned/shop/web?demand=true");
        var said = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancel)).RootElement;

        Assert.Equal(1, said.GetProperty("notice").GetInt32());
        Assert.Equal("A person reset what was learned of shop/web: 1 value and 1 demand sample.", said.GetProperty("message").GetString());
        var after = Assert.Single((await ReadAsync("/learned")).GetProperty("scalers").EnumerateArray());
        Assert.Equal((0, 0), (after.GetProperty("demandSamples").GetInt32(), after.GetProperty("learned").GetArrayLength()));
    }

    [Theory]
    [InlineData("/learned/shop/nobody", 404, "Nothing is kept of a scaler shop/nobody")]
    [InlineData("/learned/shop/web?demand=perhaps", 400, "demand is true or false")]
    [InlineData("/learned/shop/web?all=true", 400, "There is no parameter 'all'")]
    public async Task Reset_BadRequests_AreProblemJson(string path, int status, string detail)
    {
        using var answer = await ResetAsync(path);
        await AssertProblemAsync(answer, (HttpStatusCode)status, detail);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public async Task Reset_WithoutAConfiguredToken_IsOff(string? token)
    {
        await _app.StopAsync(Cancel);
        await _app.DisposeAsync();
        await StartAsync(token);
        Store.WriteLearned(TemporaryStore.Web, "capacity", TemporaryStore.Start, TemporaryStore.Body("x"));
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/learned/shop/web");
        _ = request.Headers.TryAddWithoutValidation("Authorization", "Bearer ");
        using var answer = await _management.SendAsync(request, Cancel);
        await AssertProblemAsync(answer, HttpStatusCode.NotFound, "no token is configured");
        Assert.NotNull(Store.ReadLearned(TemporaryStore.Web, "capacity"));
    }

    [Theory]
    [InlineData("Store:ResetToken", "short", "ResetToken must be empty or have at least 16 characters")]
    [InlineData("Store:Path", "", "Path")]
    [InlineData("Store:MaxEntries", "3", "MaxEntries")]
    [InlineData("Store:MaxAge", "00:00:01", "MaxAge")]
    [InlineData("Store:MaxFileMebibytes", "0", "MaxFileMebibytes")]
    public async Task ImpossibleOptions_EndTheStart(string name, string value, string message)
    {
        var refusal = await Assert.ThrowsAsync<OptionsValidationException>(async () =>
        {
            await using var app = Build(Token, new Dictionary<string, string?> { [name] = value });
            await app.StartAsync(Cancel);
        });
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("short", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StoreWithoutADisk_Answers503_NotAnEmptyLedger()
    {
        File.WriteAllText(System.IO.Path.Combine(_folder, "blocked"), "");
        await _app.StopAsync(Cancel);
        await _app.DisposeAsync();
        await StartAsync(Token, new Dictionary<string, string?> { ["Store:Path"] = System.IO.Path.Combine(_folder, "blocked", "agent.db") });
        foreach (var path in (string[])["/ledger", "/ledger/1", "/ledger/verify", "/learned"])
        {
            using var answer = await _management.GetAsync(path, Cancel);
            await AssertProblemAsync(answer, HttpStatusCode.ServiceUnavailable, "The agent has no memory for now");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _management.Dispose();
        await _app.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task StartAsync(string? token, Dictionary<string, string?>? settings = null)
    {
        _app = Build(token, settings);
        await _app.StartAsync(Cancel);
        _management = new HttpClient { BaseAddress = new Uri(Address(1)) };
    }

    private WebApplication Build(string? token, Dictionary<string, string?>? settings = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["PORT"] = "0", ["MANAGEMENT_PORT"] = "0", ["DRAIN_SECONDS"] = "0", ["Store:Path"] = System.IO.Path.Combine(_folder, "agent.db"), ["Store:ResetToken"] = token,
        });
        builder.Configuration.AddInMemoryCollection(settings ?? []);
        builder.AddServiceDefaults();
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Trace).AddProvider(new FakeLoggerProvider(_log));
        builder.AddPodEndpoints();
        builder.AddAgentStore();
        var app = builder.Build();
        app.MapDefaultEndpoints();
        app.MapLedger();
        return app;
    }

    private string Address(int port) => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ElementAt(port);

    private LedgerEntry Append(string kind, long? refers = null) => Store.Append(TemporaryStore.Web, TemporaryStore.Start, kind, refers, TemporaryStore.Body("x"))!;

    private async Task<JsonElement> ReadAsync(string path) => JsonDocument.Parse(await _management.GetStringAsync(path, Cancel)).RootElement;

    private async Task<HttpResponseMessage> ResetAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        return await _management.SendAsync(request, Cancel);
    }

    private static async Task AssertProblemAsync(HttpResponseMessage answer, HttpStatusCode status, string detail)
    {
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Contains(detail, JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancel)).RootElement.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }
}
