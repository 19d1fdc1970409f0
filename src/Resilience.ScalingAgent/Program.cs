using Resilience.ScalingAgent;

return await ScalingAgentHost.RunAsync(args);
