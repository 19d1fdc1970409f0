namespace Resilience.ServiceDefaults;

/// <summary>An environment variable that the process cannot start with. The message is one line for the person who set it.</summary>
public sealed class EnvironmentException : Exception
{
    public EnvironmentException()
    {
    }

    public EnvironmentException(string message)
        : base(message)
    {
    }

    public EnvironmentException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
