using System.Diagnostics.CodeAnalysis;
using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Pipelines;

[Experimental("ASPIREPIPELINES001")]
public interface IDistributedApplicationPipeline
{
    void AddStep(string name, Func<PipelineStepContext, Task> action, object? dependsOn = null, object? requiredBy = null);
}

[Experimental("ASPIREPIPELINES001")]
public sealed class PipelineStepContext
{
    public DistributedApplicationModel Model => throw new NotSupportedException();

    public IServiceProvider Services => throw new NotSupportedException();

    public CancellationToken CancellationToken => throw new NotSupportedException();
}

[Experimental("ASPIREPIPELINES004")]
public interface IPipelineOutputService
{
    string GetOutputDirectory();
}

[Experimental("ASPIREPIPELINES001")]
public static class WellKnownPipelineSteps
{
    public const string Publish = "publish";
}
