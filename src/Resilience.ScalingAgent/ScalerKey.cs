namespace Resilience.ScalingAgent;

/// <summary>Names one PredictiveAutoscaler.</summary>
internal readonly record struct ScalerKey(string Namespace, string Name)
{
    public override string ToString() => $"{Namespace}/{Name}";
}
