using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Resilience.ScalingAgent.Scaling;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>The agent's memory on the management port: reading is open to who reaches that port, resetting needs a token.</summary>
internal static class LedgerEndpoints
{
    /// <summary>For requests that come through an API server, which keeps the Authorization header to itself.</summary>
    public const string TokenHeader = "X-Reset-Token";

    public const int LimitMaximum = 500;

    private static readonly string[] ListParameters = ["scaler", "kind", "before", "after", "limit"];

    /// <summary>Registers the store; the file is opened, and taken, when the store is first asked for.</summary>
    public static TBuilder AddAgentStore<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        var services = builder.Services;
        services.AddOptionsWithValidateOnStart<AgentStoreOptions, AgentStoreOptionsRanges>().BindConfiguration(AgentStoreOptions.Section);
        services.AddSingleton<IValidateOptions<AgentStoreOptions>, AgentStoreOptionsRules>();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider => SqliteAgentStore.Open(
            provider.GetRequiredService<IOptions<AgentStoreOptions>>().Value,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<SqliteAgentStore>>()));
        services.AddSingleton<IAgentStore>(provider => provider.GetRequiredService<SqliteAgentStore>());
        return builder;
    }

    public static WebApplication MapLedger(this WebApplication app)
    {
        var group = app.MapGroup("").AddEndpointFilter(AnswerWhenUnavailableAsync).RequireManagementPort();
        group.MapGet("/ledger", List);
        group.MapGet("/ledger/verify", Verify);
        group.MapGet("/ledger/{number}", Find);
        group.MapGet("/learned", ListLearned);
        group.MapDelete("/learned/{namespace}/{name}", Reset);
        return app;
    }

    private static async ValueTask<object?> AnswerWhenUnavailableAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (AgentStoreException ex)
        {
            return TypedResults.Problem($"The agent has no memory for now: {ex.Message}.", statusCode: StatusCodes.Status503ServiceUnavailable);
        }
    }

    private static IResult List(HttpRequest request, SqliteAgentStore store) =>
        TryReadFilter(request.Query, out var filter, out var problem)
            ? TypedResults.Json(new LedgerPage([.. store.List(filter).Select(View)]), LedgerViewJson.Default.LedgerPage)
            : problem;

    private static JsonHttpResult<LedgerVerification> Verify(SqliteAgentStore store, CancellationToken cancellationToken) =>
        TypedResults.Json(store.Verify(cancellationToken), LedgerViewJson.Default.LedgerVerification);

    private static IResult Find(string number, SqliteAgentStore store)
    {
        if (!TryNumber(number, out var wanted))
        {
            return Bad($"The number of an entry is a whole number from 1, not '{Short(number)}'.");
        }

        return store.Find(wanted) is { } found
            ? TypedResults.Json(new EntryFound(View(found.Entry), found.Outcome is { } outcome ? View(outcome) : null, found.Canonical), LedgerViewJson.Default.EntryFound)
            : NotFound($"Entry {wanted} is not in the ledger: it was never written, or is too old to be kept.");
    }

    private static JsonHttpResult<LearnedPage> ListLearned(SqliteAgentStore store) => TypedResults.Json(
        new LearnedPage([.. store.ListLearned().Select(memory => new MemoryView(
            memory.Scaler.Namespace, memory.Scaler.Name, memory.DemandSamples, memory.DemandFrom, memory.DemandTo,
            [.. memory.Learned.Select(value => value with { Words = LearnedWords.Sentence(value) })]))]),
        LedgerViewJson.Default.LearnedPage);

    private static IResult Reset(string @namespace, string name, HttpRequest request, SqliteAgentStore store, IOptions<AgentStoreOptions> options)
    {
        if (options.Value.ResetToken is not { Length: > 0 } token)
        {
            return NotFound($"Resetting is off: no token is configured ({AgentStoreOptions.Section}__{nameof(AgentStoreOptions.ResetToken)}).");
        }

        if (!IsGiven(request, token))
        {
            return TypedResults.Problem($"The token is missing or wrong: send it as 'Authorization: Bearer ...', or as {TokenHeader} through an API server.", statusCode: StatusCodes.Status401Unauthorized);
        }

        if (request.Query.Keys.FirstOrDefault(key => key != "demand") is { } unknown)
        {
            return Bad($"There is no parameter '{Short(unknown)}'; there is: demand.");
        }

        var text = request.Query["demand"].ToString();
        if (!bool.TryParse(text.Length == 0 ? "false" : text, out var withDemand))
        {
            return Bad($"demand is true or false, not '{Short(text)}'.");
        }

        return store.Reset(new ScalerKey(@namespace, name), withDemand) is { } notice
            ? TypedResults.Json(new ResetView(notice.Number, NoticeRecord.From(notice.Body).Message), LedgerViewJson.Default.ResetView)
            : NotFound($"Nothing is kept of a scaler {Short(@namespace)}/{Short(name)}.");
    }

    /// <summary>Compares digests, so that the time taken tells neither the token nor its length.</summary>
    private static bool IsGiven(HttpRequest request, string token)
    {
        var authorization = request.Headers.Authorization.ToString();
        var given = authorization.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? authorization["Bearer ".Length..].Trim() : request.Headers[TokenHeader].ToString();
        return CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(token)));
    }

    private static bool TryReadFilter(IQueryCollection query, out LedgerFilter filter, out IResult problem)
    {
        (filter, problem) = (new LedgerFilter(), TypedResults.Empty);
        foreach (var (key, values) in query)
        {
            var value = values.ToString();
            var why = key switch
            {
                "kind" when EntryKind.All.Contains(value) => null,
                "kind" => $"kind is one of {string.Join(", ", EntryKind.All)}, not '{Short(value)}'.",
                "limit" when TryNumber(value, out var limit) && limit <= LimitMaximum => null,
                "limit" => $"limit is a whole number from 1 to {LimitMaximum}, not '{Short(value)}'.",
                "before" or "after" when TryNumber(value, out _) || (key == "after" && value == "0") => null,
                "before" or "after" => $"{key} is the number of an entry, not '{Short(value)}'.",
                "scaler" when IsScaler(value) => null,
                "scaler" => $"scaler is a name, or a namespace and a name as in shop/web, not '{Short(value)}'.",
                _ => $"There is no parameter '{Short(key)}'; there are: {string.Join(", ", ListParameters)}.",
            };
            if (why is not null)
            {
                problem = Bad(why);
                return false;
            }

            filter = key switch
            {
                "kind" => filter with { Kind = value },
                "limit" => filter with { Limit = int.Parse(value, CultureInfo.InvariantCulture) },
                "before" => filter with { Before = long.Parse(value, CultureInfo.InvariantCulture) },
                "after" => filter with { After = long.Parse(value, CultureInfo.InvariantCulture) },
                _ when value.Split('/') is [var ns, var name] => filter with { Namespace = ns, Name = name },
                _ => filter with { Name = value },
            };
        }

        if (filter is { Before: not null, After: not null })
        {
            problem = Bad("before and after exclude each other.");
            return false;
        }

        return true;
    }

    private static bool IsScaler(string text) =>
        text.Length <= 507 && text.Split('/') is { Length: 1 or 2 } parts && parts.All(part => part.Length > 0 && part.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.'));

    private static bool TryNumber(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= 1;

    private static string Short(string text) => text.Length <= 64 ? text : text[..64] + "...";

    private static EntryView View(LedgerEntry entry) =>
        new(entry.Number, entry.At, entry.Scaler.Namespace, entry.Scaler.Name, entry.Kind, entry.Refers, entry.Hash, entry.Body);

    private static ProblemHttpResult Bad(string why) => TypedResults.Problem(why, statusCode: StatusCodes.Status400BadRequest);

    private static ProblemHttpResult NotFound(string why) => TypedResults.Problem(why, statusCode: StatusCodes.Status404NotFound);
}
