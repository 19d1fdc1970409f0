using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Resilience.Lab.Cli;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Images;

/// <param name="Base">default (Microsoft's chiseled image), debian, or a reference; null: the default, or Debian's files where that cannot be pulled.</param>
internal sealed record ImageBuildOptions(string Output, string? Base, string Tag, IReadOnlyList<string> Names);

/// <summary>One image as it was built.</summary>
/// <param name="ArchiveBytes">Size of the archive; its layers are compressed.</param>
internal sealed record BuiltImage(string Name, string Archive, string Base, long ArchiveBytes, string Digest, string User, int Layers);

/// <summary>Makes OCI archives with the container support of <c>dotnet publish</c>; no container engine takes part.</summary>
internal sealed partial class ImageBuilder(string repository, Action<string> say)
{
    public async Task<IReadOnlyList<BuiltImage>> BuildAsync(ImageBuildOptions options, CancellationToken stop)
    {
        _ = Directory.CreateDirectory(options.Output);
        var built = new List<BuiltImage>();
        var chosen = options.Base;
        foreach (var name in options.Names)
        {
            if (chosen is null && !await TryPublishAsync(name, options, FromDefault(), stop).ConfigureAwait(false))
            {
                say("the default base image cannot be pulled here; making one from Debian's packages instead");
                chosen = "debian";
            }

            if (chosen is not null)
            {
                await PublishOnAsync(chosen, name, options, stop).ConfigureAwait(false);
            }

            var image = ImageArchive.Finish(Archive(name, options), name, options.Tag, chosen ?? "default");
            say($"{name}: {image.ArchiveBytes / 1048576.0:0.0} MiB compressed, user {image.User}, {image.Layers} layers, {image.Digest}");
            built.Add(image);
        }

        return built;
    }

    private async Task PublishOnAsync(string chosen, string name, ImageBuildOptions options, CancellationToken stop)
    {
        if (chosen == "debian")
        {
            if (!OperatingSystem.IsLinux() || !Tool.Exists("apt-get") || !Tool.Exists("dpkg-deb"))
            {
                throw new LabException("a base image can be made only where apt-get and dpkg-deb are", "Name an image with --base.");
            }

            var debian = new DebianBase(Path.Combine(repository, "artifacts", "images", "base"));
            await debian.EnsureAsync(say, stop).ConfigureAwait(false);
            var registry = await LoopbackRegistry.StartAsync(debian.Store, stop).ConfigureAwait(false);
            await using (registry.ConfigureAwait(false))
            {
                await PublishAsync(name, options, FromReference($"{registry.Host}/{DebianBase.Repository}:latest", selfContained: true), stop).ConfigureAwait(false);
            }
        }
        else
        {
            await PublishAsync(name, options, chosen == "default" ? FromDefault() : FromReference(chosen, selfContained: !HasRuntime(chosen)), stop).ConfigureAwait(false);
        }
    }

    private async Task PublishAsync(string name, ImageBuildOptions options, IReadOnlyList<string> from, CancellationToken stop)
    {
        var (code, errors) = await RunAsync(name, options, from, stop).ConfigureAwait(false);
        if (code != 0)
        {
            throw new LabException($"building {name} failed: {errors}", "\"dotnet build Resilience.sln\" shows whether the program itself builds.");
        }
    }

    /// <returns>False when it failed for the base image; any other failure is thrown.</returns>
    private async Task<bool> TryPublishAsync(string name, ImageBuildOptions options, IReadOnlyList<string> from, CancellationToken stop)
    {
        var (code, errors) = await RunAsync(name, options, from, stop).ConfigureAwait(false);
        return code == 0 || (IsAboutTheBase(errors) ? false : throw new LabException($"building {name} failed: {errors}", "\"dotnet build Resilience.sln\" shows whether the program itself builds."));
    }

    private async Task<(int Code, string Errors)> RunAsync(string name, ImageBuildOptions options, IReadOnlyList<string> from, CancellationToken stop)
    {
        say($"publishing {name} ...");
        var errors = new List<string>();
        string[] arguments =
        [
            "publish", BuiltPrograms.ImageProject(name), "--configuration", "Release", "--nologo", "--verbosity", "quiet", "-t:PublishContainer",
            $"-p:ContainerArchiveOutputPath={Archive(name, options)}", $"-p:ContainerRepository={name}", $"-p:ContainerImageTag={options.Tag}", "-p:ContainerImageFormat=OCI",
            $"-p:ImageRuntime={(RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64")}", .. from,
        ];
        var published = await Tool.RunToEndAsync("dotnet", arguments, repository, line =>
        {
            if (Error().IsMatch(line) && errors.Count < 3)
            {
                errors.Add(Error().Match(line).Value.Trim());
            }
        }, stop).ConfigureAwait(false);
        return (published.ExitCode, errors.Count > 0 ? string.Join("; ", errors.Distinct()) : published.Last);
    }

    private static string Archive(string name, ImageBuildOptions options) => Path.Combine(options.Output, name + ".tar");

    private static IReadOnlyList<string> FromDefault() => ["-p:ImageSelfContained=false"];

    private static IReadOnlyList<string> FromReference(string reference, bool selfContained) =>
        [$"-p:ContainerBaseImage={reference}", $"-p:ImageSelfContained={(selfContained ? "true" : "false")}"];

    /// <summary>Images named aspnet have the runtime; on any other the program brings its own.</summary>
    private static bool HasRuntime(string reference) => reference.Split('/')[^1].StartsWith("aspnet", StringComparison.Ordinal);

    [GeneratedRegex(@"error [A-Z]+\d+:.*?(?= \[|$)")]
    private static partial Regex Error();

    /// <summary>The SDK words some of its failures to pull, and leaves others (no such host, connection refused) as an exception of its task.</summary>
    internal static bool IsAboutTheBase(string errors) => BaseError().IsMatch(errors);

    [GeneratedRegex(@"error CONTAINER\d+:|""CreateNewImage"" task failed unexpectedly")]
    private static partial Regex BaseError();
}
