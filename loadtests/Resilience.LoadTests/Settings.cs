namespace Resilience.LoadTests;

/// <summary>What a run is asked to do.</summary>
/// <param name="Url">Address under load; http or https.</param>
/// <param name="Rps">Highest rate of the profile, whole requests/s, 1 to 20,000.</param>
/// <param name="Duration">Length of each scenario, 10 s to 24 h.</param>
/// <param name="ReportFolder">Where the HTML report goes.</param>
/// <param name="NewConnections">A connection for each request, so that a move of traffic is seen at once.</param>
internal sealed record Settings(Uri Url, int Rps, TimeSpan Duration, string ReportFolder, bool NewConnections);
