using System.Runtime.InteropServices;
using Resilience.ScalingAgent;
using Resilience.ScalingAgent.MLNet;

if (SsaChallengers.WhyNotOn(RuntimeInformation.ProcessArchitecture) is { } whyNot)
{
    await Console.Error.WriteLineAsync($"scaling-agent: {whyNot}");
}

return await ScalingAgentHost.RunAsync(args, SsaChallengers.For);
