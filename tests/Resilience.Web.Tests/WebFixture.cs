using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Resilience.Web.Tests;

/// <summary>The shipped pipeline on ports of the system's choice, in this process.</summary>
internal sealed class WebFixture : IAsyncDisposable
{
    public const string Token = "a test's token";

    private readonly WebApplication _app;
    private readonly TaskCompletionSource _crashed = new();

    private WebFixture(WebApplication app, TaskCompletionSource crashed, string[] addresses)
    {
        (_app, _crashed) = (app, crashed);
        Main = new HttpClient { BaseAddress = new Uri(addresses[0]) };
        Management = new HttpClient { BaseAddress = new Uri(addresses[1]) };
    }

    public HttpClient Main { get; }

    public HttpClient Management { get; }

    public Task Crashed => _crashed.Task;

    public static async Task<WebFixture> StartAsync(TimeProvider? clock = null, params (string Name, string Value)[] environment)
    {
        var crashed = new TaskCompletionSource();
        var values = new Dictionary<string, string?>
        {
            ["POD_IP"] = "127.0.0.1", ["PORT"] = "0", ["MANAGEMENT_PORT"] = "0", ["POD_NAME"] = "web-blue-1", ["SLOT"] = "blue",
            ["APP_VERSION"] = "9.9", ["FAULTS_TOKEN"] = Token, ["DRAIN_SECONDS"] = "0", ["Logging:LogLevel:Default"] = "None",
        };
        foreach (var (name, value) in environment)
        {
            values[name] = value;
        }

        var app = WebApp.Create([], () => crashed.TrySetResult(), builder =>
        {
            builder.Configuration.AddInMemoryCollection(values);
            builder.Services.AddSingleton(clock ?? TimeProvider.System);
        });
        await app.StartAsync();
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        return new(app, crashed, [.. addresses]);
    }

    public Task StopAsync() => _app.StopAsync();

    public async Task<HttpResponseMessage> PutFaultsAsync(string json, string? token = Token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/faults") { Content = new StringContent(json, Encoding.UTF8, new MediaTypeHeaderValue("application/json")) };
        request.Headers.Add("X-Fault-Token", token);
        return await Management.SendAsync(request, TestContext.Current.CancellationToken);
    }

    public async Task HealAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/faults");
        request.Headers.Add("X-Fault-Token", Token);
        using var response = await Management.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    public async ValueTask DisposeAsync()
    {
        Main.Dispose();
        Management.Dispose();
        await _app.DisposeAsync();
    }
}
