using System.Globalization;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Resources;
using Resilience.ScalingAgent.Metrics;
using Resilience.Testing;

namespace Resilience.ScalingAgent.Tests.Metrics;

public sealed class PrometheusSourceTests : IAsyncDisposable
{
    private const string Query = "sum(rate(http_requests_total[2m]))";
    private const string Refused = "refused";
    private const string Latency = "latency";
    private static readonly string[] Tokens =
        ["{", "}", "[", "]", ",", ":", "\"status\"", "\"success\"", "\"data\"", "\"resultType\"", "\"vector\"", "\"result\"", "\"value\"", "1", "\"2\"", "null", "é"];
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly FakeTimeProvider _clock = new(Now);
    private readonly RawServer _server = new();
    private readonly PrometheusSource _source;

    public PrometheusSourceTests() => _source = new(_clock, new() { AnswerBytes = 1 << 20 });

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync()
    {
        _source.Dispose();
        return _server.DisposeAsync();
    }

    [Theory]
    [InlineData("""{"resultType":"vector","result":[{"metric":{},"value":[@now,"12.5"]}]}""", 12.5)]
    [InlineData("""{"resultType":"scalar","result":[@now,"12.5"]}""", 12.5)]
    [InlineData("""{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[@now,"0"]}]}""", 0)]
    [InlineData("""{"resultType":"vector","result":[{"metric":{},"value":[@now,"1e3"]}]}""", 1_000)]
    public async Task OneNumber_IsDemand(string data, double demand)
    {
        _server.Answer = _ => Success(data);
        var reading = await ReadAsync();
        Assert.Equal(demand, reading.Demand);
        Assert.Null(reading.Problem);
        var request = Assert.Single(_server.Requests);
        Assert.StartsWith("POST /api/v1/query HTTP/1.1", request, StringComparison.Ordinal);
        Assert.EndsWith("query=" + Uri.EscapeDataString(Query), request, StringComparison.Ordinal);
    }

    public static TheoryData<string, RawAnswer, string> BadAnswers() => new()
    {
        { "empty", Success("""{"resultType":"vector","result":[]}"""), "found no series" },
        { "several", Success("""{"resultType":"vector","result":[{"metric":{"p":"1"},"value":[@now,"1"]},{"metric":{"p":"2"},"value":[@now,"2"]}]}"""), "answered 2 series where one number is needed" },
        { "nan", Success("""{"resultType":"vector","result":[{"metric":{},"value":[@now,"NaN"]}]}"""), "answered NaN" },
        { "infinite", Success("""{"resultType":"scalar","result":[@now,"+Inf"]}"""), "answered Infinity, which is no demand" },
        { "negative", Success("""{"resultType":"scalar","result":[@now,"-1"]}"""), "answered -1, which is no demand" },
        { "matrix", Success("""{"resultType":"matrix","result":[{"metric":{},"values":[[@now,"1"]]}]}"""), "answered a matrix where one number is needed" },
        { "string", Success("""{"resultType":"string","result":[@now,"x"]}"""), "answered a string where one number is needed" },
        { "stale", Success("""{"resultType":"scalar","result":[@old,"5"]}"""), "answered with a sample that is 121 s old" },
        { "ahead", Success("""{"resultType":"scalar","result":[@ahead,"5"]}"""), "answered with a sample that is 121 s ahead of this clock" },
        { "error", Json("""{"status":"error","errorType":"bad_data","error":"parse error: unexpected end\nof input"}""", "400 Bad Request"), "answered 400 Bad Request, bad_data: parse error: unexpected end of input" },
        { "error with 200", Json("""{"status":"error","errorType":"timeout","error":"query timed out"}"""), "answered 200 OK, timeout: query timed out" },
        { "error without words", Json("""{"status":"error"}""", "422 Unprocessable Entity"), "answered 422 Unprocessable Entity, : " },
        { "html", RawAnswer.Ok("<html>sign in</html>", "text/html; charset=utf-8"), "answered with text/html that is not Prometheus's JSON" },
        { "other json", Json("""{"message":"hello"}"""), "answered with application/json that is not Prometheus's JSON" },
        { "list", Json("[]"), "answered with application/json that is not Prometheus's JSON" },
        { "number as number", Success("""{"resultType":"scalar","result":[@now,5]}"""), "answered with application/json that is not Prometheus's JSON" },
        { "no value", Success("""{"resultType":"vector","result":[{"metric":{},"value":[]}]}"""), "answered with application/json that is not Prometheus's JSON" },
        { "new kind", Success("""{"resultType":"tensor","result":[]}"""), "answered with application/json that is not Prometheus's JSON" },
        { "half the json", Json("""{"status":"success","data":{"resultType":"vec"""), "answered with application/json that is not Prometheus's JSON" },
        { "half a body", new("HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{\"status\":\"succ", Close: true), "closed the connection before the answer was complete" },
        { "half a chunk", new("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{\"status\":\"succ", Close: true), "closed the connection before the answer was complete" },
        { "500", RawAnswer.Ok("oops", status: "500 Internal Server Error"), "answered 500 Internal Server Error" },
        { "503", RawAnswer.Ok("", status: "503 Service Unavailable"), "answered 503 Service Unavailable" },
        { "redirect", RawAnswer.Ok("", status: "302 Found", extra: "Location: /login\r\n"), "answered 302 Found, a redirect, which is not followed" },
        { "not http", new("+PONG\r\n", Close: true), "did not answer in HTTP" },
        { "huge", RawAnswer.Ok(new string(' ', 2 << 20), "application/json"), "sent more than 1024 KiB" },
    };

    [Theory]
    [MemberData(nameof(BadAnswers))]
    public async Task BadAnswer_IsMissingDemand_AndASentenceThatNamesTheQuery(string name, RawAnswer answer, string problem)
    {
        _server.Answer = _ => answer;
        var reading = await ReadAsync();
        Assert.True(double.IsNaN(reading.Demand), name);
        Assert.StartsWith($"Prometheus at {_server.Url} {problem}", reading.Problem, StringComparison.Ordinal);
        Assert.EndsWith($"(query {Query})", reading.Problem, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', reading.Problem!);
        Assert.Null(reading.Observation);
        var history = await _source.ReadHistoryAsync(Target(), Now - Minute, Now, Minute, Token);
        Assert.All(history.Samples, sample => Assert.InRange(sample.Demand, 0, double.MaxValue));
    }

    [Fact]
    public async Task ServerThatIsSlow_IsGivenUp()
    {
        _server.Answer = _ => new("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"status\":", Hang: true);
        var reading = _source.ReadAsync(Target(), Token).AsTask();
        await Eventually.TrueAsync(() => !_server.Requests.IsEmpty, "the server was asked");
        await Eventually.AfterAsync(_clock, TimeSpan.FromSeconds(1), () => reading.IsCompleted, "the server is given up");
        Assert.Equal($"Prometheus at {_server.Url} did not answer within 5 s (query {Query})", (await reading).Problem);
    }

    [Fact]
    public async Task ServerThatIsGone_IsSaid()
    {
        await _server.DisposeAsync();
        Assert.Equal($"Prometheus at {_server.Url} refused the connection (query {Query})", (await ReadAsync()).Problem);
    }

    [Fact]
    public async Task ServerWithAnUnknownName_IsSaid()
    {
        var reading = await ReadAsync(new() { Url = "http://prometheus.invalid:9090", Query = Query });
        Assert.StartsWith("Prometheus at http://prometheus.invalid:9090 has a name that cannot be resolved", reading.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, Query, "spec.demand.prometheus.url is missing")]
    [InlineData("http://p:9090", " ", "spec.demand.prometheus.query is missing")]
    [InlineData("prometheus:9090", Query, "spec.demand.prometheus.url \"prometheus:9090\" is not an address such as http://prometheus.monitoring:9090")]
    [InlineData("ftp://p", Query, "spec.demand.prometheus.url \"ftp://p\" is not an address such as http://prometheus.monitoring:9090")]
    [InlineData("http://me:secret@p:9090", Query, "spec.demand.prometheus.url holds a user name, and signing in to Prometheus is not supported")]
    public async Task SpecThatCannotBeAsked_IsSaid(string? url, string query, string problem)
    {
        var spec = new PrometheusSpec { Url = url, Query = query };
        Assert.Equal(problem, (await ReadAsync(spec)).Problem);
        Assert.Equal(problem, (await _source.ReadHistoryAsync(Target(spec), Now - Minute, Now, Minute, Token)).Problem);
    }

    [Fact]
    public async Task PathOfTheUrl_IsKept()
    {
        _server.Answer = _ => Success("""{"resultType":"scalar","result":[@now,"1"]}""");
        await ReadAsync(new() { Url = _server.Url + "/prometheus/", Query = Query });
        Assert.StartsWith("POST /prometheus/api/v1/query HTTP/1.1", Assert.Single(_server.Requests), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Warning_IsPassedOn_WithTheDemand()
    {
        _server.Answer = _ => Json(At("""{"status":"success","warnings":["one store\ndid not answer"],"infos":["hm"],"data":{"resultType":"scalar","result":[@now,"7"]}}"""));
        var reading = await ReadAsync();
        Assert.Equal(7, reading.Demand);
        Assert.Equal($"Prometheus at {_server.Url} warned that one store did not answer (query {Query})", reading.Problem);
    }

    [Theory]
    [InlineData("0.1", "0.25", 90, 0.25, 0.1)]
    [InlineData("0", "NaN", 100, double.NaN, 0)]
    public async Task Observation_IsPerServingReplica(string refused, string latency, double throughput, double seconds, double ratio)
    {
        _server.Answer = request => Scalar(request.EndsWith(Refused, StringComparison.Ordinal) ? refused : request.EndsWith(Latency, StringComparison.Ordinal) ? latency : "200");
        var reading = await ReadAsync(new() { Url = _server.Url, Query = Query, RejectedQuery = Refused, LatencyQuery = Latency });
        Assert.Null(reading.Problem);
        var observation = reading.Observation!.Value;
        Assert.Equal((throughput, seconds, ratio), (observation.ThroughputPerReplica, observation.LatencySeconds, observation.RejectedRatio));
        Assert.True(double.IsNaN(observation.CpuUtilization));
    }

    [Fact]
    public async Task Observation_WithoutRefusals_IsNone_AndDemandStays()
    {
        _server.Answer = request => request.EndsWith(Refused, StringComparison.Ordinal) ? RawAnswer.Ok("", status: "500 Internal Server Error") : Scalar("200");
        var reading = await ReadAsync(new() { Url = _server.Url, Query = Query, RejectedQuery = Refused });
        Assert.Equal(200, reading.Demand);
        Assert.Null(reading.Observation);
        Assert.EndsWith("answered 500 Internal Server Error (query refused)", reading.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Observation_WhileNobodyAsksForAnything_IsNone_WithoutAProblem()
    {
        _server.Answer = request => request.EndsWith(Refused, StringComparison.Ordinal) ? Success("""{"resultType":"vector","result":[]}""") : Scalar("0");
        Assert.Equal(new DemandReading(0, null, null), await ReadAsync(new() { Url = _server.Url, Query = Query, RejectedQuery = Refused }));
    }

    [Fact]
    public async Task History_IsReadInPieces_OldestFirst()
    {
        using var source = new PrometheusSource(_clock, new() { PointsPerQuery = 100 });
        _server.Answer = Record;
        var history = await source.ReadHistoryAsync(Target(), Now - (250 * Minute), Now, Minute, Token);
        Assert.Null(history.Problem);
        Assert.Equal(3, _server.Requests.Count);
        Assert.Equal(Enumerable.Range(0, 250).Select(i => Now + ((i - 250) * Minute)), history.Samples.Select(sample => sample.At));
        // The recorder answers the minute of evaluation, which is the end of the sample's interval.
        Assert.All(history.Samples, sample => Assert.Equal(sample.At.ToUnixTimeSeconds() + 60, sample.Demand));
        Assert.All(_server.Requests, request => Assert.Contains("step=60", request, StringComparison.Ordinal));
    }

    [Fact]
    public async Task History_WhoseServerGivesUpOnTheWay_KeepsTheNewestPart()
    {
        using var source = new PrometheusSource(_clock, new() { PointsPerQuery = 100 });
        var asked = 0;
        _server.Answer = request => ++asked == 2 ? RawAnswer.Ok("", status: "503 Service Unavailable") : Record(request);
        var history = await source.ReadHistoryAsync(Target(), Now - (250 * Minute), Now, Minute, Token);
        Assert.Equal(2, asked);
        Assert.Equal(100, history.Samples.Count);
        Assert.Equal(Now - Minute, history.Samples[^1].At);
        Assert.Contains("answered 503 Service Unavailable, asked for the time from 2026-03-01 08:40:00Z to 2026-03-01 10:20:00Z", history.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task History_LeavesOutWhatIsNoDemand()
    {
        _server.Answer = _ => Success($$"""{"resultType":"matrix","result":[{"metric":{},"values":[[{{Unix(-120)}},"NaN"],[{{Unix(-60)}},"-1"],[{{Unix(0)}},"4"],[{{Unix(60)}},"9"]]}]}""");
        Assert.Equal([new DemandSample(Now - Minute, 4)], (await _source.ReadHistoryAsync(Target(), Now - (3 * Minute), Now, Minute, Token)).Samples);
    }

    [Fact]
    public async Task History_OfNothingOrOfSeveralSeries_IsEmpty()
    {
        _server.Answer = _ => Success("""{"resultType":"matrix","result":[]}""");
        Assert.Equal(new([], null), await _source.ReadHistoryAsync(Target(), Now - Minute, Now, Minute, Token), (a, b) => a!.Samples.Count == b!.Samples.Count && a.Problem == b.Problem);
        _server.Answer = _ => Success("""{"resultType":"matrix","result":[{"metric":{"a":"1"},"values":[]},{"metric":{"a":"2"},"values":[]}]}""");
        Assert.Contains("answered 2 series where one is needed", (await _source.ReadHistoryAsync(Target(), Now - Minute, Now, Minute, Token)).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void AnyJson_IsAnAnswerOrNone_AndNeverThrows() =>
        Gen.Int[0, Tokens.Length - 1].Select(i => Tokens[i]).Array[0, 30]
            .Sample(parts => _ = PrometheusAnswer.Parse(System.Text.Encoding.UTF8.GetBytes(string.Concat(parts))));

    private static string At(string data) => data
        .Replace("@now", Unix(0), StringComparison.Ordinal).Replace("@old", Unix(-121), StringComparison.Ordinal).Replace("@ahead", Unix(121), StringComparison.Ordinal);

    private static string Unix(int offsetSeconds) => string.Create(CultureInfo.InvariantCulture, $"{Now.ToUnixTimeSeconds() + offsetSeconds}");

    private static RawAnswer Json(string body, string status = "200 OK") => RawAnswer.Ok(body, "application/json", status);

    private static RawAnswer Success(string data) => Json($$"""{"status":"success","data":{{At(data)}}}""");

    private static RawAnswer Scalar(string value) => Success($$"""{"resultType":"scalar","result":[@now,"{{value}}"]}""");

    /// <summary>Answers a range query like a server whose series is the time itself.</summary>
    private static RawAnswer Record(string request)
    {
        var fields = request[(request.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..].Split('&').Select(field => field.Split('=')).ToDictionary(field => field[0], field => long.Parse("0" + string.Concat(field[1].Where(char.IsAsciiDigit)), CultureInfo.InvariantCulture));
        var count = ((fields["end"] - fields["start"]) / fields["step"]) + 1;
        Assert.InRange(count, 1, 11_000);
        var values = Enumerable.Range(0, (int)count).Select(i => fields["start"] + (i * fields["step"])).Select(at => $"[{at},\"{at}\"]");
        return Success($$"""{"resultType":"matrix","result":[{"metric":{},"values":[{{string.Join(',', values)}}]}]}""");
    }

    private DemandTarget Target(PrometheusSpec? spec = null) => new(
        new("shop", "web"),
        new() { Source = "Prometheus", Prometheus = spec ?? new() { Url = _server.Url, Query = Query } },
        [new("1", "web-1", "", true), new("2", "web-2", "", true), new("3", "web-3", "", false)]);

    private Task<DemandReading> ReadAsync(PrometheusSpec? spec = null) => Eventually.WithinAsync(_source.ReadAsync(Target(spec), Token).AsTask(), "the reading");
}
