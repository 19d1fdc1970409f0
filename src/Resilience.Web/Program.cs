using Resilience.ServiceDefaults;
using Resilience.Web;

try
{
    await using var app = WebApp.Create(args, crash: static () => Environment.Exit(1));
    await app.RunAsync();
    return 0;
}
catch (Exception ex) when (ex is EnvironmentException or IOException)
{
    // Wrong environment or an address in use: one line that says so is worth more than a stack trace.
    await Console.Error.WriteLineAsync($"Resilience.Web cannot start: {ex.Message}");
    return 1;
}
