using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Resilience.ScalingAgent.Metrics;

/// <summary>What an HTTP server said, or why it said nothing.</summary>
/// <param name="Failure">As the end of a sentence that begins with the server; null when a whole answer arrived.</param>
/// <param name="IsLengthKnown">False: the answer ended with the connection, so it may have been cut.</param>
internal sealed record HttpAnswer(string? Failure, HttpStatusCode Status, string StatusText, string? MediaType, byte[] Body, bool IsLengthKnown)
{
    public static HttpAnswer Failed(string failure) => new(failure, 0, "", null, [], false);
}

/// <summary>One request, one answer: bounded in time and size, no retries, no redirects, no proxy.</summary>
internal static class HttpAnswers
{
    /// <param name="maxBytes">Longest body, after decompression.</param>
    public static HttpClient Client(int maxBytes, DecompressionMethods decompression = DecompressionMethods.None)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = decompression,
            UseCookies = false,
            UseProxy = false,
            // Pods come and go and addresses are used again: a connection is not kept for long.
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(2),
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
        };
        // The deadline is each request's own, on the clock that tests can step.
        return new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = maxBytes };
    }

    /// <summary>Throws only when <paramref name="cancellationToken"/> is cancelled.</summary>
    public static async Task<HttpAnswer> FetchAsync(HttpClient http, HttpRequestMessage request, TimeSpan timeout, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timeout, clock);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseContentRead, linked.Token).ConfigureAwait(false);
            var body = await response.Content.ReadAsByteArrayAsync(linked.Token).ConfigureAwait(false);
            return new(
                null,
                response.StatusCode,
                string.Create(CultureInfo.InvariantCulture, $"{(int)response.StatusCode} {response.ReasonPhrase}").TrimEnd(),
                response.Content.Headers.ContentType?.MediaType,
                body,
                response.Headers.TransferEncodingChunked == true || response.Content.Headers.NonValidated.Contains("Content-Length"));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return HttpAnswer.Failed(string.Create(CultureInfo.InvariantCulture, $"did not answer within {timeout.TotalSeconds:0.###} s"));
        }
        catch (Exception ex) when (ex is HttpRequestException or IOException)
        {
            return HttpAnswer.Failed(Why(ex, http.MaxResponseContentBufferSize));
        }
    }

    private static string Why(Exception ex, long maxBytes) => ex switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } =>
            string.Create(CultureInfo.InvariantCulture, $"sent more than {maxBytes >> 10} KiB"),
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => "has a name that cannot be resolved",
        HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } => "did not answer in HTTP",
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => "could not be trusted: " + OneLine(ex.InnerException ?? ex),
        HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded } or HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded } =>
            "closed the connection before the answer was complete",
        { InnerException: SocketException { SocketErrorCode: SocketError.ConnectionRefused } } => "refused the connection",
        { InnerException: HttpIOException or HttpRequestException } => Why(ex.InnerException, maxBytes),
        _ => "could not be asked: " + OneLine(ex),
    };

    private static string OneLine(Exception ex) => ex.Message.ReplaceLineEndings(" ").TrimEnd('.');
}
