namespace Resilience.AppHost.Slots;

/// <summary>One of the two deployments, seen through the cluster; its pods appear below it.</summary>
internal sealed class SlotResource(string name, string slot, ProjectResource cluster) : Resource(name), IResourceWithWaitSupport
{
    /// <summary>blue or green.</summary>
    public string Slot => slot;

    public ProjectResource Cluster => cluster;

    /// <summary>Latest counts, for the health check.</summary>
    public SlotState State { get; set; } = new(0, 0, false);
}

/// <summary>One pod, made while the application runs: it is in no model, only in the dashboard.</summary>
internal sealed class PodResource(string name) : Resource(name);

/// <param name="Desired">Pods asked for.</param>
/// <param name="Ready">Pods that are Ready.</param>
/// <param name="IsActive">The Service's selector points here.</param>
internal sealed record SlotState(int Desired, int Ready, bool IsActive)
{
    public override string ToString() => $"{Ready} of {Desired} pods Ready, {(IsActive ? "has the traffic" : "standby")}";
}
