using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Labels = System.Collections.Generic.IReadOnlyDictionary<string, string>;

namespace Resilience.Lab.Adopting;

/// <summary>A Deployment as adoption sees it: its name and the labels of its pods.</summary>
internal sealed record Candidate(string Name, Labels PodLabels);

/// <summary>The two selectors between which a Service's selector would move, or one line that says why there are none. Pure.</summary>
/// <param name="Active">blue or green: whose pods the Service selects now.</param>
internal sealed record SlotSelectors(Labels Blue, Labels Green, string Active)
{
    /// <param name="service">Its name, for messages.</param>
    /// <param name="selector">What the Service selects now.</param>
    /// <param name="others">Every other Deployment of the namespace.</param>
    /// <exception cref="LabException">The selector cannot tell the two apart.</exception>
    public static SlotSelectors Derive(string service, Labels selector, Candidate blue, Candidate green, IReadOnlyList<Candidate> others)
    {
        if (selector.Count == 0)
        {
            throw new LabException($"Service {service} has no selector: somebody else writes its endpoints", "Only a Service that selects pods can be moved between two Deployments.");
        }

        var (selectsBlue, selectsGreen) = (Matches(selector, blue.PodLabels), Matches(selector, green.PodLabels));
        if (selectsBlue && selectsGreen)
        {
            throw Undistinguished(service, selector, blue, green);
        }

        if (!selectsBlue && !selectsGreen)
        {
            throw new LabException(
                $"Service {service} selects {Text(selector)}, which neither the pods of {blue.Name} ({Text(blue.PodLabels)}) nor those of {green.Name} ({Text(green.PodLabels)}) have",
                "Name the two Deployments that it is to move between with --blue and --green.");
        }

        // The keys stay the Service's own; each slot's values are those of its pods.
        var result = new SlotSelectors(ValuesOf(selector, blue), ValuesOf(selector, green), selectsBlue ? "blue" : "green");
        foreach (var other in others)
        {
            if (Names.Slots.FirstOrDefault(slot => Matches(slot == "blue" ? result.Blue : result.Green, other.PodLabels)) is { } slot)
            {
                throw new LabException(
                    $"the selector of {slot} ({Text(slot == "blue" ? result.Blue : result.Green)}) would also select the pods of Deployment {other.Name}",
                    "Give the pods of each Deployment a label value of their own, and the Service that label in its selector.");
            }
        }

        return result;
    }

    public static string Text(Labels labels) => labels.Count == 0 ? "nothing" : string.Join(",", labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}"));

    private static Dictionary<string, string> ValuesOf(Labels selector, Candidate slot) => selector.Keys.ToDictionary(
        key => key,
        key => slot.PodLabels.TryGetValue(key, out var value) ? value : throw new LabException(
            $"the Service selects by \"{key}\", which the pods of {slot.Name} do not have", $"Give the pod template of {slot.Name} that label with a value of its own."),
        StringComparer.Ordinal);

    private static bool Matches(Labels selector, Labels labels) => selector.All(pair => labels.TryGetValue(pair.Key, out var value) && value == pair.Value);

    private static LabException Undistinguished(string service, Labels selector, Candidate blue, Candidate green)
    {
        var telling = blue.PodLabels.Where(label => green.PodLabels.TryGetValue(label.Key, out var other) && other != label.Value && label.Key != "pod-template-hash")
            .Select(label => label.Key).Order(StringComparer.Ordinal).FirstOrDefault();
        var found = $"Service {service} selects the pods of both {blue.Name} and {green.Name} ({Text(selector)}), so traffic goes to both and nothing can be switched";
        return telling is null
            ? new LabException(found, "Give the two pod templates a label with different values (such as version: blue and version: green), and the Service that label in its selector.")
            : new LabException(found, $"Their label \"{telling}\" differs; make the Service select by it: kubectl patch service {service} --type merge -p '{{\"spec\":{{\"selector\":{{\"{telling}\":\"{blue.PodLabels[telling]}\"}}}}}}'");
    }
}
