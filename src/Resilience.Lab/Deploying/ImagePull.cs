using k8s.Models;

namespace Resilience.Lab.Deploying;

/// <summary>
/// A pull that takes its time. It may be a large image or a registry that will never answer; the kubelet tells which only when a time limit of
/// the network has passed, often after more than ten seconds, so whoever waits is told what for.
/// </summary>
internal static class ImagePull
{
    /// <summary>Until then a pull is nothing to speak of.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(6);

    private const string Creating = "ContainerCreating";

    /// <summary>True when the pod was given to a node <see cref="Patience"/> ago and its containers are still being made.</summary>
    public static bool MayBeSlow(V1Pod pod, DateTimeOffset now) =>
        pod.Metadata.DeletionTimestamp is null
        && Age(pod, now) >= Patience
        && pod.Status?.ContainerStatuses?.Any(static container => container.State?.Waiting?.Reason == Creating) == true;

    /// <summary>What to tell about a pod that <see cref="MayBeSlow"/>, from its Events; null when it waits for something else, a volume perhaps.</summary>
    public static string? Describe(V1Pod pod, IEnumerable<Corev1Event> events, DateTimeOffset now)
    {
        var last = events.Where(static item => item.Reason is "Pulling" or "Pulled").MaxBy(static item => item.LastTimestamp ?? item.FirstTimestamp ?? DateTime.MinValue);
        return last?.Reason != "Pulling" ? null
            : $"pod {pod.Metadata.Name} has waited {Age(pod, now).TotalSeconds:0} s for the image \"{pod.Spec.Containers[0].Image}\" to be pulled; if no registry has it, \"./lab images load\" puts it into the nodes";
    }

    private static TimeSpan Age(V1Pod pod, DateTimeOffset now) => pod.Status?.StartTime is { } start ? now - start : TimeSpan.Zero;
}
