using System.Diagnostics;

namespace Resilience.LocalCluster.Tests.Api;

/// <summary>Stock kubectl against the embedded cluster, in the order a person would use it.</summary>
[Trait("tier", "kubectl")]
public sealed class KubectlTests(EmbeddedApiServerFixture server) : IClassFixture<EmbeddedApiServerFixture>
{
    private const string Manifest = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web-blue, labels: {app: web}}
        spec:
          replicas: 2
          selector: {matchLabels: {app: web, version: blue}}
          template:
            metadata: {labels: {app: web, version: blue}}
            spec: {containers: [{name: web, image: "resilience-web:latest", ports: [{containerPort: 8080}]}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {type: NodePort, selector: {app: web, version: blue}, ports: [{name: http, port: 80, targetPort: 8080}]}
        ---
        apiVersion: autoscaling/v2
        kind: HorizontalPodAutoscaler
        metadata: {name: web-blue}
        spec:
          maxReplicas: 5
          minReplicas: 1
          scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web-blue}
          metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 25}}}]
        """;

    [Fact(Explicit = true)]
    public async Task EverydayCommands_Work()
    {
        Assert.SkipWhen(await FindAsync() is null, "kubectl is not on the PATH.");
        await Expect("create ns shop", "namespace/shop created");
        await Expect("apply -f -", "deployment.apps/web-blue created\nservice/web created\nhorizontalpodautoscaler.autoscaling/web-blue created", Manifest);
        await Expect("apply -f -", "deployment.apps/web-blue unchanged", Manifest);
        await Expect("apply --server-side --force-conflicts -f -", "service/web serverside-applied", Manifest);
        await Expect("diff -f -", "", Manifest);
        await Expect("rollout status deploy web-blue --timeout=30s", "successfully rolled out");
        await Expect("get pods", "NAME READY STATUS RESTARTS AGE");
        await Expect("get pods -o wide", "NOMINATED NODE");
        await Expect("get deploy web-blue -o jsonpath={.spec.replicas}", "2");
        await Expect("get deploy -o name", "deployment.apps/web-blue");
        await Expect("get svc web -o custom-columns=N:.metadata.name,T:.spec.type", "web NodePort");
        await Expect("get hpa", "Deployment/web-blue");
        await Expect("get deploy web-blue -o yaml", "kind: Deployment");
        await Expect("describe deploy web-blue", "RollingUpdateStrategy: 25% max unavailable, 25% max surge");
        await Expect("describe svc web", "External Traffic Policy: Cluster");
        await Expect("describe hpa web-blue", "Max replicas: 5");
        await Expect("""patch svc web -p {"spec":{"selector":{"version":"green"}}}""", "service/web patched");
        await Expect("""patch svc web --type=merge -p {"spec":{"selector":{"version":"blue"}}}""", "service/web patched");
        await Expect("""patch svc web --type=json -p [{"op":"replace","path":"/spec/selector/version","value":"green"}]""", "service/web patched");
        await Expect("get svc web -o jsonpath={.spec.selector.version}", "green");
        await Expect("scale deploy web-blue --replicas=3", "deployment.apps/web-blue scaled");
        await Expect("wait --for=jsonpath={.status.readyReplicas}=3 deploy/web-blue --timeout=30s", "condition met");
        await Expect("set env deploy/web-blue X=1", "deployment.apps/web-blue env updated");
        await Expect("set image deploy/web-blue web=resilience-web:2", "deployment.apps/web-blue image updated");
        await Expect("rollout restart deploy web-blue", "deployment.apps/web-blue restarted");
        await Expect("rollout history deploy web-blue", "REVISION CHANGE-CAUSE");
        await Expect("rollout undo deploy web-blue", "deployment.apps/web-blue rolled back");
        await Expect("label deploy web-blue zone=a", "deployment.apps/web-blue labeled");
        await Expect("annotate svc web note=hello", "service/web annotated");
        await Expect("get events", "LAST SEEN");
        await Expect("events", "LAST SEEN");
        await Expect("explain deploy.spec.strategy", "rollingUpdate");
        await Expect("api-resources", "deployments deploy apps/v1 true Deployment");
        await Expect("auth can-i create pods", "yes");
        await Expect("auth whoami", "kubernetes-admin");
        await Expect("cluster-info", "Kubernetes control plane");
        await Expect("create deployment made --image=x", "deployment.apps/made created");
        await Expect("autoscale deploy made --min=1 --max=2", "horizontalpodautoscaler.autoscaling/made autoscaled");
        await Expect("create configmap c --from-literal=a=b", "configmap/c created");
        await Expect("delete deploy made", "deployment.apps \"made\" deleted");
        await Expect("delete ns shop", "namespace \"shop\" deleted");
    }

    /// <summary>Runs kubectl in namespace <c>shop</c>; runs of blanks count as one.</summary>
    private async Task Expect(string arguments, string expected, string? input = null)
    {
        var (exitCode, output) = await RunAsync(["--kubeconfig", server.KubeconfigPath, "-n", "shop", .. arguments.Split(' ')], input);
        Assert.True(exitCode == 0, $"kubectl {arguments}: exit {exitCode}\n{output}");
        Assert.Contains(Squeeze(expected), Squeeze(output), StringComparison.Ordinal);

        static string Squeeze(string text) => string.Join('\n', text.Split('\n').Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
    }

    private static async Task<string?> FindAsync()
    {
        try
        {
            return (await RunAsync(["version", "--client"], null)).Output;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string[] arguments, string? input)
    {
        var start = new ProcessStartInfo("kubectl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output + await error);
    }
}
