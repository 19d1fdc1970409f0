using System.CommandLine;
using System.Text.RegularExpressions;

namespace Resilience.Lab.Cli;

/// <summary>The options that say where images are, refused before anything is written: a kubelet would say it of a pod, a builder after a minute.</summary>
internal static partial class ImageName
{
    public static Option<string?> Prefix(string description) =>
        Checked<string?>(new("--image-prefix") { Description = description, HelpName = "prefix" }, Repository(), "registry and path of images, in lower case, such as registry.example.com/team");

    public static Option<string?> Tag(string description) => Checked<string?>(new("--tag") { Description = description, HelpName = "tag" }, TagPattern(), TagRule);

    /// <summary>With a value of its own when none is typed.</summary>
    public static Option<string> Tag(string description, string fallback) =>
        Checked<string>(new("--tag") { Description = description, HelpName = "tag", DefaultValueFactory = _ => fallback }, TagPattern(), TagRule);

    private const string TagRule = "a tag: up to 128 letters, digits, \"_\", \"-\" and \".\", beginning with none of the last two";

    private static Option<T> Checked<T>(Option<T> option, Regex rule, string what)
    {
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<T>() is string typed && !rule.IsMatch(typed))
            {
                result.AddError($"{option.Name} \"{typed}\" is not {what}");
            }
        });
        return option;
    }

    [GeneratedRegex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]
    private static partial Regex TagPattern();

    /// <summary>A host is known by its dot, its port or being localhost, and may have capitals; the parts of the path may not.</summary>
    /// <remarks>https://github.com/distribution/reference, grammar of references.</remarks>
    [GeneratedRegex(@"^((localhost|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|\[[0-9A-Fa-f:]+\])(:[0-9]+)?|[A-Za-z0-9-]+:[0-9]+|[a-z0-9]+([._-]+[a-z0-9]+)*)(/[a-z0-9]+([._-]+[a-z0-9]+)*)*/?$")]
    private static partial Regex Repository();
}
