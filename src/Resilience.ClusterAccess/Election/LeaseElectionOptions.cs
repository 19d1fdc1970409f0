using System.ComponentModel.DataAnnotations;

namespace Resilience.ClusterAccess.Election;

/// <summary>Timing of a <see cref="LeaseElection"/>; <see cref="Validate"/> holds the rules between the fields.</summary>
public sealed record LeaseElectionOptions : IValidatableObject
{
    public const string Section = "LeaderElection";

    public required string Namespace { get; init; }

    /// <summary>Name of the Lease.</summary>
    public required string Name { get; init; }

    /// <summary>Unique per process, not per pod: a restarted process must not inherit its predecessor's lease unnoticed.</summary>
    public required string Identity { get; init; }

    /// <summary>How long others wait after the last renewal they saw. Whole seconds. Default 5 s.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A leader that has not renewed for so long steps down; below <see cref="Duration"/>. Default 3.5 s.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(3.5);

    /// <summary>Time between renewals. Default 1 s.</summary>
    public TimeSpan RenewInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Time between looks of a follower, and between attempts after an error. Default 0.5 s.</summary>
    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>How long a stopping leader tries to hand the lease back. Default 2 s.</summary>
    public TimeSpan ReleaseTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The usual proportions for a duration, and an identity of its own for this process.</summary>
    /// <param name="ns">Namespace of the Lease.</param>
    /// <param name="name">Name of the Lease.</param>
    /// <param name="pod">Pod that takes part.</param>
    /// <param name="duration">How long others wait after the last renewal they saw; whole seconds.</param>
    public static LeaseElectionOptions For(string ns, string name, string pod, TimeSpan duration) => new()
    {
        Namespace = ns,
        Name = name,
        // Not the pod's name alone: a restarted container is another contender.
        Identity = $"{pod}_{Guid.NewGuid():N}",
        Duration = duration,
        RenewDeadline = duration * 0.7,
        RenewInterval = duration * 0.2,
        // A follower learns of a renewal this late, and waits that much longer for a leader that has vanished.
        RetryPeriod = duration * 0.05,
    };

    public IEnumerable<ValidationResult> Validate(ValidationContext? validationContext)
    {
        if (Namespace.Length == 0 || Name.Length == 0 || Identity.Length == 0)
        {
            yield return new("Namespace, Name and Identity must not be empty");
        }

        if (Duration < TimeSpan.FromSeconds(1) || Duration > TimeSpan.FromMinutes(10) || Duration.Ticks % TimeSpan.TicksPerSecond != 0)
        {
            yield return new("Duration must be whole seconds from 1 s to 10 min (the Lease stores seconds)", [nameof(Duration)]);
        }

        if (RenewDeadline >= Duration)
        {
            yield return new("RenewDeadline must be shorter than Duration, or two could lead at once", [nameof(RenewDeadline)]);
        }

        if (RenewInterval <= TimeSpan.Zero || RenewInterval >= RenewDeadline)
        {
            yield return new("RenewInterval must be positive and shorter than RenewDeadline", [nameof(RenewInterval)]);
        }

        if (RetryPeriod <= TimeSpan.Zero || RetryPeriod >= RenewDeadline)
        {
            yield return new("RetryPeriod must be positive and shorter than RenewDeadline", [nameof(RetryPeriod)]);
        }
    }

    /// <exception cref="ValidationException">A rule is broken; the message says which.</exception>
    internal LeaseElectionOptions Validated()
    {
        var broken = Validate(null).FirstOrDefault();
        return broken is null ? this : throw new ValidationException(broken.ErrorMessage);
    }
}
