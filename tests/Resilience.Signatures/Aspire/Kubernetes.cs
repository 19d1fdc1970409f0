// Aspire.Hosting.Kubernetes 13.5 (preview): https://github.com/microsoft/aspire
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Kubernetes;
using Aspire.Hosting.Kubernetes.Resources;
using YamlDotNet.Serialization;

namespace Aspire.Hosting
{
    public static class KubernetesEnvironmentExtensions
    {
        public static IResourceBuilder<KubernetesEnvironmentResource> AddKubernetesEnvironment(this IDistributedApplicationBuilder builder, string name) =>
            throw new NotSupportedException();

        public static IResourceBuilder<KubernetesEnvironmentResource> WithDashboard(this IResourceBuilder<KubernetesEnvironmentResource> builder, bool enabled = true) =>
            throw new NotSupportedException();

        public static IResourceBuilder<KubernetesEnvironmentResource> WithHelm(
            this IResourceBuilder<KubernetesEnvironmentResource> builder, Action<HelmChartOptions>? configure = null) => throw new NotSupportedException();
    }

    public static class KubernetesServiceExtensions
    {
        public static IResourceBuilder<T> PublishAsKubernetesService<T>(this IResourceBuilder<T> builder, Action<KubernetesResource> configure)
            where T : IComputeResource => throw new NotSupportedException();
    }
}

namespace Aspire.Hosting.Kubernetes
{
    public sealed class KubernetesEnvironmentResource(string name) : Resource(name);

    public sealed class HelmChartOptions
    {
        internal HelmChartOptions()
        {
        }

        public HelmChartOptions WithChartName(string name) => throw new NotSupportedException();

        public HelmChartOptions WithChartVersion(string version) => throw new NotSupportedException();

        public HelmChartOptions WithChartDescription(string description) => throw new NotSupportedException();

        public HelmChartOptions WithNamespace(string @namespace) => throw new NotSupportedException();

        public HelmChartOptions WithReleaseName(string releaseName) => throw new NotSupportedException();
    }

    public class KubernetesResource(string name, IResource resource, KubernetesEnvironmentResource kubernetesEnvironmentResource) : Resource(name)
    {
        public Workload? Workload { get; set; }

        public ConfigMap? ConfigMap { get; set; }

        public Secret? Secret { get; set; }

        public Service? Service { get; set; }
    }
}

namespace Aspire.Hosting.Kubernetes.Resources
{
    public abstract class BaseKubernetesObject(string? apiVersion = null, string? kind = null)
    {
        [YamlMember(Alias = "apiVersion", Order = -3)]
        public string? ApiVersion { get; set; } = apiVersion;

        [YamlMember(Alias = "kind", Order = -2)]
        public string? Kind { get; set; } = kind;
    }

    public abstract class BaseKubernetesResource(string apiVersion, string kind) : BaseKubernetesObject(apiVersion, kind)
    {
        [YamlMember(Alias = "metadata", Order = -1)]
        public ObjectMetaV1 Metadata { get; set; } = new();
    }

    public abstract class Workload(string apiVersion, string kind) : BaseKubernetesResource(apiVersion, kind)
    {
        [YamlIgnore]
        public abstract PodTemplateSpecV1 PodTemplate { get; }
    }

    public sealed class ConfigMap() : BaseKubernetesResource("v1", "ConfigMap");

    public sealed class Secret() : BaseKubernetesResource("v1", "Secret");

    public sealed class Service() : BaseKubernetesResource("v1", "Service");

    public sealed class ObjectMetaV1
    {
        [YamlMember(Alias = "name")]
        public string Name { get; set; } = null!;

        [YamlMember(Alias = "namespace")]
        public string Namespace { get; set; } = null!;

        [YamlMember(Alias = "labels")]
        public Dictionary<string, string> Labels { get; set; } = [];

        [YamlMember(Alias = "annotations")]
        public Dictionary<string, string> Annotations { get; } = [];
    }

    public sealed class PodTemplateSpecV1
    {
        [YamlMember(Alias = "spec")]
        public PodSpecV1 Spec { get; set; } = new();
    }

    public sealed class PodSpecV1
    {
        [YamlMember(Alias = "containers")]
        public List<ContainerV1> Containers { get; } = [];
    }

    public sealed class ContainerV1
    {
        [YamlMember(Alias = "image")]
        public string Image { get; set; } = null!;
    }
}
