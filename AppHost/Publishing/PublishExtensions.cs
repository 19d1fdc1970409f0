using Aspire.Hosting.Kubernetes;
using Aspire.Hosting.Pipelines;
using Microsoft.Extensions.DependencyInjection;
using Resilience.AppHost.EmbeddedCluster;
using Resilience.ClusterAccess.Manifests;

namespace Resilience.AppHost.Publishing;

/// <summary>
/// The published chart says what <c>k8s/</c> says. Workloads go through Aspire, which gives each its image as a chart value; their pod
/// templates, and everything that Aspire has no model for, are those of the manifests, so that there is one place to change them.
/// </summary>
internal static class PublishExtensions
{
    /// <param name="folder">Relative to the repository.</param>
    /// <exception cref="ManifestException">A manifest is missing or cannot be read.</exception>
    public static ManifestSet LoadManifests(this IDistributedApplicationBuilder builder, string folder) =>
        ManifestSet.Load(Path.Combine(builder.AppHostDirectory, "..", folder));

    /// <summary>Publishes a Helm chart. No dashboard in it: a cluster has its own collector.</summary>
    public static IResourceBuilder<KubernetesEnvironmentResource> AddHelmChart(this IDistributedApplicationBuilder builder, string name, ManifestSet manifests)
    {
        var environment = builder.AddKubernetesEnvironment(name)
            .WithDashboard(false)
            .WithHelm(helm => helm
                .WithChartName("resilience")
                .WithChartVersion("0.1.0")
                .WithChartDescription("Two slots behind one Service, a failover watcher and a scaling agent.")
                .WithNamespace(ClusterTopology.Namespace)
                .WithReleaseName("resilience"));
        if (builder.ExecutionContext.IsPublishMode)
        {
            // Elsewhere the environment has no step to depend on, and the application would refuse to start.
            builder.Pipeline.AddStep($"copy-manifests-{name}", context => CopyAsync(context, manifests), dependsOn: $"publish-{name}", requiredBy: WellKnownPipelineSteps.Publish);
        }

        return environment;
    }

    /// <summary>Publishes the Deployment of the resource's name in place of the one that Aspire would make up.</summary>
    public static IResourceBuilder<ProjectResource> PublishAsManifest(this IResourceBuilder<ProjectResource> project, ManifestSet manifests) =>
        project.PublishAsKubernetesService(service =>
        {
            var manifest = manifests.Items.FirstOrDefault(item => item.Kind == "Deployment" && item.Name == project.Resource.Name)
                ?? throw new ManifestException($"k8s/ has no Deployment {project.Resource.Name} to publish");
            service.Workload = ManifestDeployment.From(manifest, service.Workload!);
            // Ports, variables and the Service are in the manifests.
            (service.ConfigMap, service.Secret, service.Service) = (null, null, null);
        });

    /// <summary>
    /// Definitions of custom resources go to <c>crds/</c>, which Helm installs before anything that needs them; the rest, as written, to
    /// <c>templates/</c>. The Namespace is left out: Helm makes the one that it installs into.
    /// </summary>
    private static async Task CopyAsync(PipelineStepContext context, ManifestSet manifests)
    {
        var chart = context.Services.GetRequiredService<IPipelineOutputService>().GetOutputDirectory();
        var published = context.Model.Resources.OfType<ProjectResource>().Select(project => project.Name).ToHashSet();
        foreach (var manifest in manifests.Items.Where(item => item.Kind != "Namespace" && !(item.Kind == "Deployment" && published.Contains(item.Name))))
        {
            var folder = Path.Combine(chart, manifest.Kind == "CustomResourceDefinition" ? "crds" : "templates");
            _ = Directory.CreateDirectory(folder);
            // JSON is YAML; kind and name make a file of its own for each object.
            var file = Path.Combine(folder, $"{manifest.Kind.ToLowerInvariant()}-{manifest.Name}.yaml");
            await File.WriteAllTextAsync(file, ChartYaml.Write(manifest), context.CancellationToken).ConfigureAwait(false);
        }
    }
}
