using Resilience.Lab.Cli;

namespace Resilience.Lab.Images;

/// <param name="Kind">kind, k3d, k3s, minikube, microk8s or containerd.</param>
/// <param name="Cluster">Name of the cluster or profile; null where there is only one.</param>
internal sealed record LoadTarget(string Kind, string? Cluster);

/// <summary>The command that puts an archive into the nodes of a development cluster. Pure: what is installed comes in.</summary>
internal static class ImageLoader
{
    public static readonly string[] Kinds = ["kind", "k3d", "minikube", "k3s", "microk8s", "containerd"];

    /// <summary>Chooses by the context's name first, for it tells which cluster is meant; without a context by what is installed.</summary>
    /// <param name="asked">What the user asked for; null: find out.</param>
    /// <param name="exists">Whether a program is on PATH.</param>
    /// <exception cref="LabException">Nothing that could load is here, it is not installed, or the context could be any machine's.</exception>
    public static LoadTarget Choose(string? asked, string? cluster, string? context, Func<string, bool> exists)
    {
        var (told, named) = context switch
        {
            { } name when name.StartsWith("kind-", StringComparison.Ordinal) => ("kind", name["kind-".Length..]),
            { } name when name.StartsWith("k3d-", StringComparison.Ordinal) => ("k3d", name["k3d-".Length..]),
            "minikube" => ("minikube", "minikube"),
            "microk8s" => ("microk8s", null),
            _ => ((string?)null, (string?)null),
        };
        if (asked is null && told is null && context is not null)
        {
            throw new LabException(
                $"the name of context \"{context}\" does not tell what runs its nodes, and this machine may be none of them",
                $"Say it with --into {string.Join("|", Kinds)}, or push the archives to the cluster's registry and deploy with --image-prefix.");
        }

        var kind = asked ?? told ?? Kinds.FirstOrDefault(each => exists(Program(each))) ?? throw new LabException(
            $"none of {string.Join(", ", Kinds.Select(Program).Distinct())} is on PATH, so there is nothing to load images with",
            "For any other cluster, push the archives to its registry (\"skopeo copy oci-archive:resilience-web.tar docker://REGISTRY/resilience-web:latest\") and deploy with --image-prefix.");
        if (!exists(Program(kind)))
        {
            throw new LabException($"\"{Program(kind)}\" is not on PATH, which loading images into {kind} needs", $"Install it, or choose another with --into {string.Join("|", Kinds)}.");
        }

        return new LoadTarget(kind, cluster ?? (told == kind ? named : null));
    }

    /// <returns>Program and arguments.</returns>
    public static IReadOnlyList<string> Command(LoadTarget target, string archive) => target.Kind switch
    {
        "kind" => ["kind", "load", "image-archive", archive, "--name", target.Cluster ?? "kind"],
        "k3d" => ["k3d", "image", "import", archive, "--cluster", target.Cluster ?? "k3s-default"],
        "minikube" => ["minikube", "image", "load", archive, "--profile", target.Cluster ?? "minikube"],
        "k3s" => ["k3s", "ctr", "images", "import", archive],
        "microk8s" => ["microk8s", "ctr", "image", "import", archive],
        _ => ["ctr", "--namespace", "k8s.io", "images", "import", archive],
    };

    private static string Program(string kind) => kind == "containerd" ? "ctr" : kind;
}
