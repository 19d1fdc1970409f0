using System.CommandLine;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Commands;

/// <summary>Which cluster a command works on: the running lab's unless a kubeconfig or context is named.</summary>
internal sealed class ClusterOptions
{
    private readonly Option<string?> _directory = CommandRunner.LabDirectoryOption();
    private readonly Option<string?> _kubeconfig = new("--kubeconfig") { Description = "Work on the cluster of this kubeconfig instead of the running lab.", HelpName = "file" };
    private readonly Option<string?> _context = new("--context") { Description = "Context in the kubeconfig.", HelpName = "name" };

    public void AddTo(Command command)
    {
        command.Add(_directory);
        command.Add(_kubeconfig);
        command.Add(_context);
    }

    public LabDirectory Directory(ParseResult parse) => LabDirectory.At(parse.GetValue(_directory));

    public bool NamesACluster(ParseResult parse) => parse.GetValue(_kubeconfig) is not null || parse.GetValue(_context) is not null;

    public Task<LabCluster> ConnectAsync(ParseResult parse, CancellationToken stop) => NamesACluster(parse)
        ? ConnectToNamedAsync(parse, stop)
        : LabCluster.ConnectAsync(Directory(parse).RunningKubeconfig(), null, TimeProvider.System, stop);

    /// <summary>For commands that work on somebody's cluster: without options, the kubeconfig's current context, as with kubectl.</summary>
    public async Task<LabCluster> ConnectToNamedAsync(ParseResult parse, CancellationToken stop)
    {
        try
        {
            return await LabCluster.ConnectAsync(parse.GetValue(_kubeconfig), parse.GetValue(_context), TimeProvider.System, stop).ConfigureAwait(false);
        }
        catch (ClusterException away) when (away.IsUnreachable)
        {
            throw new LabException(away.Message.Replace("; is the cluster running?", string.Empty, StringComparison.Ordinal), "Start that cluster, or name another with --context or --kubeconfig (\"kubectl config get-contexts\" lists them).");
        }
    }
}
