using Resilience.LocalCluster;

return await ClusterCommand.RunAsync(args).ConfigureAwait(false);
