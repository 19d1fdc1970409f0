namespace Resilience.Cost;

/// <summary>An input that cannot be priced, told in one line that a person can act on.</summary>
public sealed class CostInputException : Exception
{
    public CostInputException()
    {
    }

    public CostInputException(string message)
        : base(message)
    {
    }

    public CostInputException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
