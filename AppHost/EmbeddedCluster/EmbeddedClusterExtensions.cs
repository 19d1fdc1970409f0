using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Resilience.AppHost.Publishing;
using Resilience.ClusterAccess.Manifests;

namespace Resilience.AppHost.EmbeddedCluster;

/// <summary>The embedded cluster as a resource, and the processes that work on it.</summary>
internal static class EmbeddedClusterExtensions
{
    private static readonly (string Image, string Project)[] Images = [("resilience-web", "Resilience.Web")];

    /// <summary>
    /// Adds the embedded cluster with the given manifests in it; it is healthy once it has taken them. Left out of a published chart: there
    /// the cluster is the one that the chart goes to.
    /// </summary>
    public static IResourceBuilder<ProjectResource> AddEmbeddedCluster(this IDistributedApplicationBuilder builder, string name, ManifestSet manifests)
    {
        var data = DataDirectory();
        var cluster = builder.AddProject<Projects.Resilience_LocalCluster>(name, launchProfileName: null)
            .WithAnnotation(new EmbeddedClusterAnnotation(data, manifests))
            .WithArgs("--data-dir", data, "--images", WriteImages(data), "--port", FreePort().ToString(CultureInfo.InvariantCulture))
            .WithHealthCheck($"{name}-serves")
            .WithIconName("Server")
            .StartsAtOnce()
            .ExcludeFromManifest();
        var annotation = cluster.Cluster();
        builder.Services.AddHealthChecks().AddPatientCheck(
            $"{name}-serves", () => annotation.IsServing, () => annotation.IsServing ? $"export KUBECONFIG={annotation.Api.Kubeconfig}" : "the manifests are not in the cluster yet");
        if (builder.ExecutionContext.IsRunMode)
        {
            // Not a hosted service: those after Aspire's own start only when every resource has stopped waiting, and they wait for the mirror.
            builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<ClusterMirror>(services, cluster.Resource, annotation));
            builder.Eventing.Subscribe<BeforeStartEvent>((starting, _) => starting.Services.GetRequiredService<ClusterMirror>().StartAsync(CancellationToken.None));
        }

        return cluster;
    }

    /// <summary>
    /// Adds a Kubernetes controller: here a process beside the cluster, pointed at it by <c>KUBECONFIG</c>; in the chart the Deployment of
    /// the same name in <c>k8s/</c>.
    /// </summary>
    public static IResourceBuilder<ProjectResource> AddController<TProject>(
        this IDistributedApplicationBuilder builder, string name, IResourceBuilder<ProjectResource> cluster)
        where TProject : IProjectMetadata, new()
    {
        var controller = builder.AddProject<TProject>(name, launchProfileName: null).PublishAsManifest(cluster.Cluster().Manifests);
        return builder.ExecutionContext.IsPublishMode ? controller : controller
            .WithEnvironment("KUBECONFIG", cluster.Cluster().Api.Kubeconfig)
            .WithEnvironment("POD_NAMESPACE", ClusterTopology.Namespace)
            .WithEnvironment("POD_NAME", name)
            .WithHttpEndpoint(name: "management", env: "MANAGEMENT_PORT")
            .WithHttpHealthCheck("/readyz", endpointName: "management")
            .WithIconName("BranchFork")
            .StartsAtOnce()
            .WaitFor(cluster);
    }

    /// <summary>
    /// Keeps what the scaling agent learns with the cluster that it learned it from, and out of the source folder that it starts in; in the
    /// chart the Deployment has a volume for that.
    /// </summary>
    public static IResourceBuilder<ProjectResource> WithStore(this IResourceBuilder<ProjectResource> agent, IResourceBuilder<ProjectResource> cluster) =>
        agent.ApplicationBuilder.ExecutionContext.IsPublishMode ? agent : agent.WithEnvironment("Store__Path", Path.Combine(cluster.Cluster().DataDirectory, $"{agent.Resource.Name}.db"));

    /// <summary>Shows in the dashboard that the process looks after both slots; it does not wait for them, it is there for when they are missing.</summary>
    public static IResourceBuilder<ProjectResource> WatchesSlots(this IResourceBuilder<ProjectResource> controller, params IResourceBuilder<IResource>[] slots) =>
        slots.Aggregate(controller, (watching, slot) => watching.WithReferenceRelationship(slot.Resource));

    /// <summary>Gives a load generator the address of the Service as <c>--url</c>. Load is no part of a published chart.</summary>
    public static IResourceBuilder<ProjectResource> WithTrafficTo(this IResourceBuilder<ProjectResource> load, IResourceBuilder<ProjectResource> cluster) => load
        .WithArgs(async context =>
        {
            context.Args.Add("--url");
            context.Args.Add((await cluster.Cluster().Page.WaitAsync(context.CancellationToken).ConfigureAwait(false)).ToString());
        })
        .WithIconName("PeopleTeam")
        .StartsAtOnce()
        .WaitFor(cluster)
        .ExcludeFromManifest();

    public static EmbeddedClusterAnnotation Cluster(this IResourceBuilder<ProjectResource> cluster) => cluster.Resource.Annotations.OfType<EmbeddedClusterAnnotation>().Single();

    /// <summary>A folder beside this program, one for each time it runs; what runs that are over left behind is removed.</summary>
    private static string DataDirectory()
    {
        var root = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "clusters"));
        foreach (var left in root.EnumerateDirectories().Where(folder => !IsRunning(folder.Name.Split('-')[0])))
        {
            try
            {
                left.Delete(recursive: true);
            }
            catch (IOException)
            {
                // Its cluster is still closing its files; the next run tries again.
            }
        }

        return root.CreateSubdirectory(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{Guid.NewGuid():N}")).FullName;
    }

    private static bool IsRunning(string id)
    {
        try
        {
            using var process = Process.GetProcessById(int.Parse(id, CultureInfo.InvariantCulture));
            return !process.HasExited;
        }
        catch (Exception gone) when (gone is ArgumentException or FormatException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>
    /// Starts the program that was built together with this one. Aspire's own way is <c>dotnet run --no-build</c>, whose MSBuild takes
    /// seconds to find that program, for each of the projects and all at once. A debugger and <c>dotnet watch</c> start the project themselves.
    /// </summary>
    private static IResourceBuilder<ProjectResource> StartsAtOnce(this IResourceBuilder<ProjectResource> project)
    {
        var metadata = project.Resource.Annotations.OfType<IProjectMetadata>().Single();
        var program = BuiltProgram(Path.GetFileNameWithoutExtension(metadata.ProjectPath));
        var (context, configuration) = (project.ApplicationBuilder.ExecutionContext, project.ApplicationBuilder.Configuration);
        return context.IsPublishMode || configuration["DEBUG_SESSION_PORT"] is not null || configuration["DOTNET_WATCH"] is not null || !File.Exists(program)
            ? project
            : project.WithAnnotation(new ExecutableAnnotation { Command = program, WorkingDirectory = Path.GetDirectoryName(metadata.ProjectPath)! });
    }

    /// <summary>The program of another project, built beside this one: artifacts/bin/PROJECT/CONFIGURATION/PROGRAM.</summary>
    private static string BuiltProgram(string project)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        return Path.Combine(own.Parent!.Parent!.FullName, project, own.Name, project + (OperatingSystem.IsWindows() ? ".exe" : ""));
    }

    /// <summary>The table by which the cluster finds the program behind an image name.</summary>
    internal static string WriteImages(string folder)
    {
        var table = Images.ToDictionary(image => image.Image, image => new { command = new[] { BuiltProgram(image.Project) } });
        var file = Path.Combine(folder, "images.json");
        File.WriteAllText(file, JsonSerializer.Serialize(table));
        return file;
    }

    /// <summary>Chosen once, so that a restarted cluster answers where its clients look for it.</summary>
    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
