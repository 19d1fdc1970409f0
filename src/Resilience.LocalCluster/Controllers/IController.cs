namespace Resilience.LocalCluster.Controllers;

/// <summary>A loop that runs beside the API server, on the store itself, from the moment the server answers until shutdown.</summary>
internal interface IController
{
    string Name { get; }

    Task RunAsync(CancellationToken cancellationToken);
}
