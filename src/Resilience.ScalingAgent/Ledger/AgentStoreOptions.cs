using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>Where the agent's memory is and how large it may become.</summary>
internal sealed class AgentStoreOptions
{
    public const string Section = "Store";

    /// <summary>SQLite file; its folder is created. Default <c>agent.db</c> in the working directory.</summary>
    [Required, MaxLength(1024)]
    public string Path { get; set; } = "agent.db";

    /// <summary>Ledger entries kept. Default 200,000: two entries a minute for over two months.</summary>
    [Range(100, 10_000_000)]
    public int MaxEntries { get; set; } = 200_000;

    /// <summary>Ledger entries older than this are dropped, 50 or more at once, but never the newest 50. Default 45 days.</summary>
    [Range(typeof(TimeSpan), "01:00:00", "3650.00:00:00")]
    public TimeSpan MaxAge { get; set; } = TimeSpan.FromDays(45);

    /// <summary>Bodies of the ledger's entries together, in MiB. Default 384.</summary>
    [Range(1, 65_536)]
    public int MaxLedgerMebibytes { get; set; } = 384;

    /// <summary>Demand samples kept of each scaler. Default 25,000: 17 days of minutes, what a forecast of them looks back at.</summary>
    [Range(100, 5_000_000)]
    public int MaxDemandSamples { get; set; } = 25_000;

    /// <summary>What was kept of a scaler that has shown no demand for this long is forgotten. Default 45 days.</summary>
    [Range(typeof(TimeSpan), "1.00:00:00", "3650.00:00:00")]
    public TimeSpan ForgetScalerAfter { get; set; } = TimeSpan.FromDays(45);

    /// <summary>Limit of the database file in MiB; when it is reached, the oldest is dropped. The write-ahead log adds up to about 20 MiB. Default 1024.</summary>
    [Range(2, 262_144)]
    public int MaxFileMebibytes { get; set; } = 1_024;

    /// <summary>Who sends this token, of at least 16 characters, may reset what was learned; null or empty: nobody may. A secret.</summary>
    [MaxLength(512)]
    public string? ResetToken { get; set; }
}

[OptionsValidator]
internal sealed partial class AgentStoreOptionsRanges : IValidateOptions<AgentStoreOptions>;

/// <summary>The rule that an attribute cannot say: an empty token is none.</summary>
internal sealed class AgentStoreOptionsRules : IValidateOptions<AgentStoreOptions>
{
    private const int LeastLength = 16;

    public ValidateOptionsResult Validate(string? name, AgentStoreOptions options) => options.ResetToken is { Length: > 0 and < LeastLength }
        ? ValidateOptionsResult.Fail($"{AgentStoreOptions.Section}:{nameof(options.ResetToken)} must be empty or have at least {LeastLength} characters.")
        : ValidateOptionsResult.Success;
}

/// <summary>The store cannot be used by this process. The message is one line for the person who started it.</summary>
internal sealed class AgentStoreException : Exception
{
    public AgentStoreException()
    {
    }

    public AgentStoreException(string message)
        : base(message)
    {
    }

    public AgentStoreException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
