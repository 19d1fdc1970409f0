extern alias apphost;

using apphost::Resilience.ClusterAccess.Manifests;
using Resilience.Testing;

namespace Resilience.AppHost.Declared.Tests;

/// <summary>The manifests that the AppHost is made of, read by its own reader.</summary>
internal static class Manifests
{
    public static ManifestSet Intelligent { get; } = ManifestSet.Load(Path.Combine(Repository.Root, "k8s", "intelligent"));
}
