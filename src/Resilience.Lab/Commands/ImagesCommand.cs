using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.ClusterAccess;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Hosting;
using Resilience.Lab.Images;

namespace Resilience.Lab.Commands;

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(IReadOnlyList<BuiltImage>))]
internal sealed partial class ImagesJson : JsonSerializerContext;

/// <summary><c>images</c>: container images of the processes, made and loaded without a container engine.</summary>
internal static class ImagesCommand
{
    private const string DefaultFolder = "artifacts/images";

    public static Command Create() => new("images", "Make container images of the processes, and load them into a development cluster.") { Build(), Load() };

    private static Command Build()
    {
        var output = new Option<string>("--out") { Description = $"Where the archives go. Default: {DefaultFolder}.", HelpName = "dir", DefaultValueFactory = _ => DefaultFolder };
        var source = new Option<string?>("--base") { Description = "Base image: default (Microsoft's chiseled ASP.NET image), debian (made here from Debian's packages), or a reference. Without it: default, or debian where that cannot be pulled.", HelpName = "base" };
        var only = new Option<string[]>("--only") { Description = "One of the images; may be repeated.", HelpName = "name" };
        var tag = ImageName.Tag("Tag of the images.", "latest");
        var command = new Command("build", "Make an OCI archive of every process.") { output, source, only, tag, CommandRunner.JsonOption() };
        return command.Does(async (parse, console, stop) =>
        {
            var options = new ImageBuildOptions(Path.GetFullPath(parse.GetValue(output)!), parse.GetValue(source), parse.GetValue(tag)!, Chosen(parse.GetValue(only) ?? []));
            var built = await new ImageBuilder(BuiltPrograms.Repository(), console.Say).BuildAsync(options, stop).ConfigureAwait(false);
            if (console.Json)
            {
                console.WriteJson(JsonSerializer.Serialize(built, ImagesJson.Default.IReadOnlyListBuiltImage));
            }

            console.Say($"archives: {options.Output}; \"./lab images load\" puts them into a cluster");
            return ExitCode.Pass;
        });
    }

    private static Command Load()
    {
        var from = new Option<string>("--from") { Description = $"Where the archives are. Default: {DefaultFolder}.", HelpName = "dir", DefaultValueFactory = _ => DefaultFolder };
        var into = new Option<string?>("--into") { Description = "What runs the cluster. Without it: told by the context's name, else by what is installed.", HelpName = string.Join('|', ImageLoader.Kinds) };
        _ = into.AcceptOnlyFromAmong(ImageLoader.Kinds);
        var cluster = new Option<string?>("--cluster") { Description = "Name of the cluster or profile.", HelpName = "name" };
        var context = new Option<string?>("--context") { Description = "Context in the kubeconfig, such as kind-dev.", HelpName = "name" };
        var dry = new Option<bool>("--dry-run") { Description = "Print the commands instead of running them." };
        var only = new Option<string[]>("--only") { Description = "One of the images; may be repeated.", HelpName = "name" };
        var command = new Command("load", "Put the archives into the nodes of kind, k3d, minikube, k3s, microk8s or containerd.") { from, into, cluster, context, dry, only };
        return command.Does(async (parse, console, stop) =>
        {
            var archives = Archives(Path.GetFullPath(parse.GetValue(from)!), Chosen(parse.GetValue(only) ?? []));
            if (parse.GetValue(context) is { } named && ClusterConnection.Contexts(null) is { Count: > 0 } known && !known.Contains(named))
            {
                throw Suggest.Unknown("context", named, known);
            }

            // What is only printed may be run elsewhere, as long as somebody said what it is for.
            var isTold = parse.GetValue(into) is not null || parse.GetValue(context) is not null;
            var target = ImageLoader.Choose(parse.GetValue(into), parse.GetValue(cluster), parse.GetValue(context), program => (isTold && parse.GetValue(dry)) || Tool.Exists(program));
            foreach (var archive in archives)
            {
                var line = ImageLoader.Command(target, archive);
                console.Say(string.Join(' ', line));
                if (!parse.GetValue(dry))
                {
                    _ = await Tool.RequireAsync(line[0], [.. line.Skip(1)], Environment.CurrentDirectory, stop).ConfigureAwait(false);
                }
            }

            if (!parse.GetValue(dry))
            {
                // The image's name is as before, so no controller sees a reason to replace a pod.
                var where = parse.GetValue(context) is { } there ? $" --context {there}" : string.Empty;
                console.Say($"pods that run keep the image they have; \"kubectl{where} rollout restart deployment -n {Names.Namespace}\" replaces them");
            }

            return ExitCode.Pass;
        });
    }

    private static IReadOnlyList<string> Chosen(string[] only)
    {
        var known = BuiltPrograms.ImageNames();
        foreach (var name in only.Where(name => !known.Contains(name)))
        {
            throw Suggest.Unknown("image", name, [.. known]);
        }

        return only.Length == 0 ? known : only;
    }

    private static string[] Archives(string folder, IReadOnlyList<string> names)
    {
        var found = names.Select(name => Path.Combine(folder, name + ".tar")).Where(File.Exists).ToArray();
        return found.Length > 0 ? found : throw new LabException($"{folder} holds no image archives", "Make them with \"./lab images build\".");
    }
}
