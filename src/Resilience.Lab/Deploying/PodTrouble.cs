using k8s.Models;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Deploying;

/// <summary>Why a pod does not become Ready, when waiting longer will not help.</summary>
/// <param name="Kind">image, configuration, crash or scheduling.</param>
internal sealed record PodTrouble(string Pod, string Kind, string Text, string Next)
{
    private static readonly string[] ImageReasons = ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ErrImageInspect", "RegistryUnavailable"];
    private static readonly string[] ConfigurationReasons = ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"];

    public LabException ToError() => new(Text, Next);

    /// <summary>The first trouble of a pod, or null.</summary>
    public static PodTrouble? Of(V1Pod pod)
    {
        var name = pod.Metadata.Name;
        foreach (var container in (pod.Status?.InitContainerStatuses ?? []).Concat(pod.Status?.ContainerStatuses ?? []))
        {
            if (container.State?.Waiting is not { Reason: { } reason } waiting)
            {
                continue;
            }

            if (ImageReasons.Contains(reason))
            {
                return new PodTrouble(
                    name, "image", $"the image \"{container.Image}\" cannot be had by pod {name} ({reason}{Because(waiting.Message)})",
                    "Build and load it with \"./lab images build\" and \"./lab images load\", or name where it is with --image-prefix and --tag.");
            }

            if (ConfigurationReasons.Contains(reason))
            {
                return new PodTrouble(name, "configuration", $"pod {name} cannot be started ({reason}{Because(waiting.Message)})", $"\"kubectl describe pod {name}\" says more.");
            }

            if (reason == "CrashLoopBackOff")
            {
                var code = container.LastState?.Terminated?.ExitCode;
                return new PodTrouble(name, "crash", $"pod {name} crashes again and again{(code is null ? string.Empty : $" (exit code {code})")}", $"\"kubectl logs {name} --previous\" shows its last words.");
            }
        }

        var scheduled = pod.Status?.Conditions?.FirstOrDefault(condition => condition is { Type: "PodScheduled", Status: "False", Reason: "Unschedulable" });
        return scheduled is null
            ? null
            : new PodTrouble(name, "scheduling", $"no node takes pod {name}{Because(scheduled.Message)}", "Free some resources, or run fewer replicas.");
    }

    private static string Because(string? message) =>
        string.IsNullOrWhiteSpace(message) ? string.Empty : $": {message.ReplaceLineEndings(" ").Trim().TrimEnd('.')}";
}
