using System.Text.Json.Nodes;

namespace Resilience.LocalCluster.Tests.Api;

/// <summary>How an API server behaves. A difference between the embedded one and a real one is a bug of the embedded one.</summary>
public abstract class ApiServerContract(ApiServerFixture server) : IAsyncLifetime
{
    private const string Merge = "application/merge-patch+json";
    private const string Strategic = "application/strategic-merge-patch+json";
    private const string Json = "application/json-patch+json";
    private const string Apply = "application/apply-patch+yaml";
    private const string Table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

    private string _namespace = "";

    private string ConfigMaps => $"/api/v1/namespaces/{_namespace}/configmaps";

    private string Services => $"/api/v1/namespaces/{_namespace}/services";

    private string Deployments => $"/apis/apps/v1/namespaces/{_namespace}/deployments";

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(server.KubeconfigPath.Length == 0, "No API server here: set RESILIENCE_TEST_KUBECONFIG to a kubeconfig.");
        var made = await server.SendAsync("POST", "/api/v1/namespaces", J("""{"apiVersion":"v1","kind":"Namespace","metadata":{"generateName":"contract-"}}"""));
        Assert.Equal(201, made.Status);
        _namespace = (string)made.Body!["metadata"]!["name"]!;
    }

    public async ValueTask DisposeAsync()
    {
        if (_namespace.Length > 0)
        {
            _ = await server.SendAsync("DELETE", $"/api/v1/namespaces/{_namespace}");
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Create_ANameThatExists_Gets409()
    {
        Assert.Equal(201, (await CreateMap("a")).Status);

        var again = await CreateMap("a");

        Assert.Equal((409, "AlreadyExists", "configmaps \"a\" already exists"), (again.Status, again.Reason, again.Message));
    }

    [Fact]
    public async Task Replace_WithAStaleResourceVersion_Gets409()
    {
        var body = (await CreateMap("a")).Body!;
        body["data"]!["k"] = "2";
        Assert.Equal(200, (await server.SendAsync("PUT", $"{ConfigMaps}/a", body)).Status);
        body["data"]!["k"] = "3";

        var stale = await server.SendAsync("PUT", $"{ConfigMaps}/a", body);

        Assert.Equal((409, "Conflict"), (stale.Status, stale.Reason));
        Assert.Equal("Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again", stale.Message);
    }

    [Fact]
    public async Task Replace_WithoutAResourceVersion_Overwrites()
    {
        var body = (await CreateMap("a")).Body!;
        _ = body["metadata"]!.AsObject().Remove("resourceVersion");
        body["data"]!["k"] = "2";

        Assert.Equal(200, (await server.SendAsync("PUT", $"{ConfigMaps}/a", body)).Status);
    }

    [Fact]
    public async Task Patch_ThatChangesNothing_KeepsTheResourceVersion()
    {
        _ = await CreateMap("a");
        var first = await server.SendAsync("PATCH", $"{ConfigMaps}/a", J("""{"data":{"k":"v"}}"""), Merge);
        var second = await server.SendAsync("PATCH", $"{ConfigMaps}/a", J("""{"data":{"k":"v"}}"""), Merge);

        Assert.Equal(Version(first.Body), Version(second.Body));
    }

    [Fact]
    public async Task MergePatch_NullRemoves_AndAResourceVersionIsAPrecondition()
    {
        _ = await CreateMap("a");

        var patched = await server.SendAsync("PATCH", $"{ConfigMaps}/a", J("""{"data":{"k":null,"n":"1"}}"""), Merge);
        var stale = await server.SendAsync("PATCH", $"{ConfigMaps}/a", J("""{"metadata":{"resourceVersion":"1"},"data":{"n":"2"}}"""), Merge);

        AssertJson("""{"n":"1"}""", patched.Body!["data"]);
        Assert.Equal(409, stale.Status);
    }

    [Fact]
    public async Task JsonPatch_AFailedTest_Gets422AndChangesNothing()
    {
        _ = await CreateMap("a");

        var moved = await server.SendAsync("PATCH", $"{ConfigMaps}/a", J("""[{"op":"test","path":"/data/k","value":"v"},{"op":"move","from":"/data/k","path":"/data/m"}]"""), Json);
        var failed = await server.SendAsync("PATCH", $"{ConfigMaps}/a", J("""[{"op":"add","path":"/data/x","value":"1"},{"op":"test","path":"/data/m","value":"no"}]"""), Json);

        AssertJson("""{"m":"v"}""", moved.Body!["data"]);
        Assert.Equal((422, "Invalid"), (failed.Status, failed.Reason));
        AssertJson("""{"m":"v"}""", (await server.SendAsync("GET", $"{ConfigMaps}/a")).Body!["data"]);
    }

    [Fact]
    public async Task StrategicPatch_MergesContainersByNameAndPortsByNumber()
    {
        Assert.Equal(201, (await CreateDeployment("d")).Status);

        _ = await server.SendAsync("PATCH", $"{Deployments}/d", J("""{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"X","value":"1"}]}]}}}}"""), Strategic);
        var two = await server.SendAsync("PATCH", $"{Deployments}/d",
            J("""{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"Y","value":"2"}],"ports":[{"containerPort":9090}]}]}}}}"""), Strategic);
        var one = await server.SendAsync("PATCH", $"{Deployments}/d",
            J("""{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"X","$patch":"delete"}]}]}}}}"""), Strategic);

        var container = two.Body!["spec"]!["template"]!["spec"]!["containers"]![0]!;
        Assert.Equal("image:1", (string?)container["image"]);
        Assert.Equal(["X", "Y"], container["env"]!.AsArray().Select(e => (string)e!["name"]!).Order());
        Assert.Equal([8080, 9090], container["ports"]!.AsArray().Select(p => (int)p!["containerPort"]!).Order());
        Assert.Equal("Y", (string?)Assert.Single(one.Body!["spec"]!["template"]!["spec"]!["containers"]![0]!["env"]!.AsArray())!["name"]);
    }

    [Fact]
    public async Task Apply_AFieldOfAnotherManager_Conflicts_UnlessForced()
    {
        var path = $"{ConfigMaps}/f";
        var made = await server.SendAsync("PATCH", $"{path}?fieldManager=one", ConfigMap("f", """{"x":"1","y":"1"}"""), Apply);
        var refused = await server.SendAsync("PATCH", $"{path}?fieldManager=two", ConfigMap("f", """{"y":"2"}"""), Apply);
        var forced = await server.SendAsync("PATCH", $"{path}?fieldManager=two&force=true", ConfigMap("f", """{"y":"2"}"""), Apply);
        var dropped = await server.SendAsync("PATCH", $"{path}?fieldManager=one", ConfigMap("f", "{}"), Apply);

        Assert.Equal(201, made.Status);
        Assert.Equal((409, "Apply failed with 1 conflict: conflict with \"one\": .data.y"), (refused.Status, refused.Message));
        Assert.Equal(".data.y", (string?)refused.Body!["details"]!["causes"]![0]!["field"]);
        AssertJson("""{"x":"1","y":"2"}""", forced.Body!["data"]);
        AssertJson("""{"y":"2"}""", dropped.Body!["data"]);
    }

    [Fact]
    public async Task Apply_AFieldThatAControllerWrote_ConflictsWithIt()
    {
        _ = await CreateDeployment("d");
        await Until($"{Deployments}/d", a => a.Body?["metadata"]?["managedFields"]?.AsArray().Any(f => (string?)f!["manager"] == "kube-controller-manager") == true);
        var refused = await server.SendAsync("PATCH", $"{Deployments}/d?fieldManager=two", J("""
            {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","annotations":{"deployment.kubernetes.io/revision":"7"}}}
            """), Apply);
        Assert.Equal(409, refused.Status);
        Assert.Equal(
            "Apply failed with 1 conflict: conflict with \"kube-controller-manager\" with subresource \"status\" using apps/v1: .metadata.annotations.deployment.kubernetes.io/revision",
            refused.Message);
    }

    /// <summary>stringData becomes data on the way in; saying it again is no change.</summary>
    [Theory, InlineData(Merge), InlineData(Strategic), InlineData(Apply)]
    public async Task SecretsPlainTexts_WrittenAgain_KeepTheResourceVersion(string mediaType)
    {
        var path = $"/api/v1/namespaces/{_namespace}/secrets";
        var body = J("""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"k":"one"}}""");
        Assert.Equal(201, (await server.SendAsync("POST", path, body)).Status);
        var first = await server.SendAsync("PATCH", $"{path}/s?fieldManager=two", body, mediaType);
        var second = await server.SendAsync("PATCH", $"{path}/s?fieldManager=two", body, mediaType);

        Assert.Equal(Version(first.Body), Version(second.Body));
        AssertJson("""{"k":"b25l"}""", second.Body!["data"]);
        Assert.Null(second.Body["stringData"]);
    }

    [Fact]
    public async Task Events_AreOneStore_BehindBothOfTheirVersions()
    {
        var old = $"/api/v1/namespaces/{_namespace}/events";
        var newer = $"/apis/events.k8s.io/v1/namespaces/{_namespace}/events";
        Assert.Equal(201, (await server.SendAsync("POST", newer, J($$$"""
            {"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"n"},"regarding":{"kind":"ConfigMap","namespace":"{{{_namespace}}}","name":"c","apiVersion":"v1"},
             "reason":"Told","note":"words","type":"Normal","action":"Tell","reportingController":"test/one","reportingInstance":"one-0","eventTime":"2026-01-01T00:00:00.000000Z"}
            """))).Status);
        Assert.Equal(201, (await server.SendAsync("POST", old, J($$$"""
            {"apiVersion":"v1","kind":"Event","metadata":{"name":"o"},"involvedObject":{"kind":"ConfigMap","namespace":"{{{_namespace}}}","name":"c","apiVersion":"v1"},
             "reason":"Told","message":"older words","type":"Warning","source":{"component":"test"},"firstTimestamp":"2026-01-01T00:00:00Z","lastTimestamp":"2026-01-01T00:00:00Z","count":2}
            """))).Status);

        var asOld = (await server.SendAsync("GET", $"{old}/n")).Body!;
        Assert.Equal(("v1", "words", "test/one", "c"), ((string?)asOld["apiVersion"], (string?)asOld["message"], (string?)asOld["reportingComponent"], (string?)asOld["involvedObject"]!["name"]));
        var asNew = (await server.SendAsync("GET", $"{newer}/o")).Body!;
        Assert.Equal(("events.k8s.io/v1", "older words", "test", 2, "c"),
            ((string?)asNew["apiVersion"], (string?)asNew["note"], (string?)asNew["deprecatedSource"]!["component"], (int?)asNew["deprecatedCount"], (string?)asNew["regarding"]!["name"]));
        Assert.Equal(["n", "o"], Names((await server.SendAsync("GET", $"{newer}?fieldSelector=reason%3DTold")).Body));
        Assert.Equal(["o"], Names((await server.SendAsync("GET", $"{old}?fieldSelector=type%3DWarning")).Body));

        // Through the newer version an Event is a fact: only its series goes on, as repetitions are counted.
        var rewritten = await server.SendAsync("PATCH", $"{newer}/o", J("""{"note":"newer words"}"""), Merge);
        Assert.Equal((422, "Event \"o\" is invalid: message: Invalid value: \"newer words\": field is immutable"), (rewritten.Status, rewritten.Message));
        Assert.Equal(200, (await server.SendAsync("PATCH", $"{newer}/n", J("""{"series":{"count":2,"lastObservedTime":"2026-01-01T00:00:01.000000Z"}}"""), Merge)).Status);
        Assert.Equal(2, (int?)(await server.SendAsync("GET", $"{old}/n")).Body!["series"]!["count"]);
        Assert.Equal(200, (await server.SendAsync("PATCH", $"{old}/o", J("""{"message":"newer words"}"""), Merge)).Status);
        Assert.Equal("newer words", (string?)(await server.SendAsync("GET", $"{newer}/o")).Body!["note"]);
        Assert.Equal(200, (await server.SendAsync("DELETE", $"{newer}/n")).Status);
        Assert.Equal(404, (await server.SendAsync("GET", $"{old}/n")).Status);
    }

    [Fact]
    public async Task PodWithAPriorityClass_GetsItsNumber_AndAnUnknownClassIsRefused()
    {
        var pods = $"/api/v1/namespaces/{_namespace}/pods";
        var made = await server.SendAsync("POST", pods, Pod("p", "system-cluster-critical"));
        Assert.Equal((201, 2_000_000_000), (made.Status, (int?)made.Body!["spec"]!["priority"]));
        var refused = await server.SendAsync("POST", pods, Pod("q", "nobody"));
        Assert.Equal((403, "pods \"q\" is forbidden: no PriorityClass with name nobody was found"), (refused.Status, refused.Message));

        static JsonNode Pod(string name, string priority) => J($$$"""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}"},"spec":{"priorityClassName":"{{{priority}}}","containers":[{"name":"c","image":"i"}]}}
            """);
    }

    [Fact]
    public async Task List_InPages_GivesEverythingOnce()
    {
        foreach (var name in (string[])["a", "b", "c"])
        {
            _ = await CreateMap(name, """{"grp":"x"}""");
        }

        var first = await server.SendAsync("GET", $"{ConfigMaps}?labelSelector=grp%3Dx&limit=2");
        var token = (string)first.Body!["metadata"]!["continue"]!;
        var second = await server.SendAsync("GET", $"{ConfigMaps}?labelSelector=grp%3Dx&limit=2&continue={Uri.EscapeDataString(token)}");

        Assert.Equal(["a", "b"], Names(first.Body));
        Assert.Equal(["c"], Names(second.Body));
        Assert.Null(second.Body!["metadata"]!["continue"]);
        Assert.Equal(400, (await server.SendAsync("GET", $"{ConfigMaps}?limit=2&continue=garbage")).Status);
    }

    [Theory]
    [InlineData("t=a", "a")]
    [InlineData("t==a", "a")]
    [InlineData("t!=a,grp=x", "b c")]
    [InlineData("t in (a,b)", "a b")]
    [InlineData("t notin (a,b),grp", "c")]
    [InlineData("grp,!t", "")]
    public async Task List_ByLabels(string selector, string expected)
    {
        foreach (var name in (string[])["a", "b", "c"])
        {
            _ = await CreateMap(name, $$$$$$$"""{"t":"{{{{{{{name}}}}}}}","grp":"x"}""");
        }

        var found = await server.SendAsync("GET", $"{ConfigMaps}?labelSelector={Uri.EscapeDataString(selector)}");

        Assert.Equal(expected, string.Join(' ', Names(found.Body)));
    }

    [Theory]
    [InlineData("t in", "unable to parse requirement: found '' expected: '('")]
    [InlineData("==a", "found '==', expected: !, identifier, or 'end of string'")]
    [InlineData("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt")]
    public async Task List_ByAMalformedSelector_Gets400(string selector, string message)
    {
        var refused = await server.SendAsync("GET", $"{ConfigMaps}?labelSelector={Uri.EscapeDataString(selector)}");

        Assert.Equal((400, message), (refused.Status, refused.Message));
    }

    [Fact]
    public async Task Watch_ShowsObjectsEnteringAndLeavingTheSelection()
    {
        var version = Version((await server.SendAsync("GET", ConfigMaps)).Body);
        _ = await CreateMap("d", """{"w":"0"}""");
        _ = await server.SendAsync("PATCH", $"{ConfigMaps}/d", J("""{"metadata":{"labels":{"w":"1"}}}"""), Merge);
        _ = await server.SendAsync("PATCH", $"{ConfigMaps}/d", J("""{"data":{"k":"z"}}"""), Merge);
        _ = await server.SendAsync("PATCH", $"{ConfigMaps}/d", J("""{"metadata":{"labels":{"w":"2"}}}"""), Merge);

        var events = await Watch($"{ConfigMaps}?watch=1&resourceVersion={version}&labelSelector=w%3D1&timeoutSeconds=20", 3);

        Assert.Equal(["ADDED", "MODIFIED", "DELETED"], events.Select(e => (string)e["type"]!));
        Assert.Equal("1", (string?)events[2]["object"]!["metadata"]!["labels"]!["w"]);
    }

    [Fact]
    public async Task Watch_WithInitialEvents_EndsThemWithABookmark()
    {
        _ = await CreateMap("a", """{"w":"1"}""");

        var events = await Watch(
            $"{ConfigMaps}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&labelSelector=w%3D1&timeoutSeconds=20", 2);

        Assert.Equal(["ADDED", "BOOKMARK"], events.Select(e => (string)e["type"]!));
        Assert.Equal("true", (string?)events[1]["object"]!["metadata"]!["annotations"]!["k8s.io/initial-events-end"]);
    }

    [Fact]
    public async Task Delete_WithAFinalizer_WaitsForItsRemoval()
    {
        _ = await server.SendAsync("POST", ConfigMaps, J("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"fin","finalizers":["example.dev/f"]}}"""));

        var marked = await server.SendAsync("DELETE", $"{ConfigMaps}/fin");
        Assert.NotNull(marked.Body!["metadata"]!["deletionTimestamp"]);
        Assert.Equal(200, (await server.SendAsync("GET", $"{ConfigMaps}/fin")).Status);

        _ = await server.SendAsync("PATCH", $"{ConfigMaps}/fin", J("""{"metadata":{"finalizers":null}}"""), Merge);
        Assert.Equal(404, (await server.SendAsync("GET", $"{ConfigMaps}/fin")).Status);
    }

    [Fact]
    public async Task Delete_OfAnOwner_TakesItsDependents_UnlessOrphaned()
    {
        foreach (var (policy, survives) in new[] { ("Background", false), ("Foreground", false), ("Orphan", true) })
        {
            var owner = (string)(await CreateMap("p")).Body!["metadata"]!["uid"]!;
            _ = await server.SendAsync("POST", ConfigMaps, J($$$$$$$"""
                {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"ch","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"p","uid":"{{{{{{{owner}}}}}}}"}]}}
                """));
            _ = await server.SendAsync("DELETE", $"{ConfigMaps}/p?propagationPolicy={policy}");

            await Until($"{ConfigMaps}/p", answer => answer.Status == 404);
            await Until($"{ConfigMaps}/ch", answer => survives ? answer.Body?["metadata"]?["ownerReferences"] is null : answer.Status == 404);
            _ = await server.SendAsync("DELETE", $"{ConfigMaps}/ch");
        }
    }

    [Fact]
    public async Task Delete_WithAFailedPrecondition_Gets409()
    {
        _ = await CreateMap("a");

        var refused = await server.SendAsync("DELETE", $"{ConfigMaps}/a", J("""{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"bad"}}"""));

        Assert.Equal((409, "Conflict"), (refused.Status, refused.Reason));
    }

    [Fact]
    public async Task Scale_ReadsAndWritesReplicas()
    {
        _ = await CreateDeployment("d");

        var scaled = await server.SendAsync("PATCH", $"{Deployments}/d/scale", J("""{"spec":{"replicas":0}}"""), Merge);
        var negative = await server.SendAsync("PATCH", $"{Deployments}/d/scale", J("""{"spec":{"replicas":-1}}"""), Merge);

        Assert.Equal(("Scale", "app=web"), ((string?)scaled.Body!["kind"], (string?)scaled.Body["status"]!["selector"]));
        Assert.Equal(0, (int)(await server.SendAsync("GET", $"{Deployments}/d")).Body!["spec"]!["replicas"]!);
        Assert.Equal((422, "Scale.autoscaling \"d\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"), (negative.Status, negative.Message));
    }

    [Fact]
    public async Task Service_GetsItsAddressAndPorts_AndASelectorPatchIsConditional()
    {
        var made = await server.SendAsync("POST", Services, J("""
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{"type":"NodePort","selector":{"app":"web","version":"blue"},"ports":[{"port":80,"targetPort":8080}]}}
            """));
        var port = (int)made.Body!["spec"]!["ports"]![0]!["nodePort"]!;
        var taken = await server.SendAsync("POST", Services, J($$$$$$$"""
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"web2"},"spec":{"type":"NodePort","ports":[{"port":80,"nodePort":{{{{{{{port}}}}}}}}]}}
            """));
        JsonNode Flip(string to) => J($$$$$$$"""{"metadata":{"resourceVersion":"{{{{{{{Version(made.Body)}}}}}}}"},"spec":{"selector":{"version":"{{{{{{{to}}}}}}}"}}}""");
        var flipped = await server.SendAsync("PATCH", $"{Services}/web", Flip("green"), Merge);
        var late = await server.SendAsync("PATCH", $"{Services}/web", Flip("blue"), Merge);

        Assert.InRange(port, 30000, 32767);
        Assert.NotNull((string?)made.Body["spec"]!["clusterIP"]);
        Assert.Equal((422, "Service \"web2\" is invalid: spec.ports[0].nodePort: Invalid value: " + port + ": provided port is already allocated"), (taken.Status, taken.Message));
        Assert.Equal(200, flipped.Status);
        Assert.Equal(409, late.Status);
    }

    [Theory]
    [InlineData("POST", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"Bad_Name"}}""", 422, "ConfigMap \"Bad_Name\" is invalid: metadata.name: Invalid value")]
    [InlineData("POST", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{}}""", 422, "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required")]
    [InlineData("POST", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"zz","namespace":"default"}}""", 400, "the namespace of the provided object does not match the namespace sent on the request")]
    [InlineData("POST", """{"apiVersion":"v1","kind":"Secret","metadata":{"name":"zz"}}""", 400, "Secret in version \"v1\" cannot be handled as a ConfigMap: ")]
    [InlineData("POST", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"zz"},"datta":1}""", 400, "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"datta\"")]
    [InlineData("POST", "{bad", 400, "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: ")]
    [InlineData("GET", "", 400, "strconv.ParseInt: parsing \"abc\": invalid syntax")]
    public async Task BadInput_IsRefusedInWords(string method, string body, int status, string message)
    {
        var refused = await server.SendAsync(method, $"{ConfigMaps}?{(method == "GET" ? "limit=abc" : "fieldValidation=Strict")}", raw: body.Length == 0 ? null : body);

        Assert.Equal(status, refused.Status);
        Assert.StartsWith(message, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UnknownPathsAndMethods_AreToldApart()
    {
        Assert.Equal((404, "the server could not find the requested resource"), Told(await server.SendAsync("GET", "/api/v1/nosuch")));
        Assert.Equal((405, "the server does not allow this method on the requested resource"), Told(await server.SendAsync("POST", $"{ConfigMaps}/a", ConfigMap("a", "{}"))));
        Assert.Equal(404, (await server.SendAsync("GET", "/apis/nosuch.io/v1")).Status);
        Assert.Equal(415, (await server.SendAsync("POST", ConfigMaps, ConfigMap("a", "{}"), "application/x-unknown")).Status);

        static (int, string?) Told(Answer answer) => (answer.Status, answer.Message);
    }

    [Fact]
    public async Task DryRun_StoresNothing()
    {
        Assert.Equal(201, (await server.SendAsync("POST", $"{ConfigMaps}?dryRun=All", ConfigMap("zz", "{}"))).Status);
        Assert.Equal(404, (await server.SendAsync("GET", $"{ConfigMaps}/zz")).Status);
    }

    [Fact]
    public async Task InvalidDeployment_NamesEveryMistake()
    {
        var refused = await server.SendAsync("POST", Deployments, J("""
            {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"bad"},"spec":{"replicas":-1,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"c"}},"spec":{"containers":[]}}}}
            """));

        Assert.Equal(422, refused.Status);
        // Servers up to 1.33 show a map as Go writes it, later ones as JSON.
        Assert.Equal("Deployment.apps \"bad\" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, "
            + "spec.template.metadata.labels: Invalid value: {\"a\":\"c\"}: `selector` does not match template `labels`, spec.template.spec.containers: Required value]", refused.Message?.Replace("map[string]string{", "{", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Deployment_GetsTheDefaultsOfARealServer()
    {
        var spec = (await CreateDeployment("d")).Body!["spec"]!;

        AssertJson("""{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%","maxSurge":"25%"}}""", spec["strategy"]);
        Assert.Equal((10, 600), ((int)spec["revisionHistoryLimit"]!, (int)spec["progressDeadlineSeconds"]!));
        var template = spec["template"]!["spec"]!;
        Assert.Equal(("Always", 30, "ClusterFirst"), ((string)template["restartPolicy"]!, (int)template["terminationGracePeriodSeconds"]!, (string)template["dnsPolicy"]!));
        AssertJson("""{"httpGet":{"path":"/healthz","port":8080,"scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3}""",
            template["containers"]![0]!["readinessProbe"]);
        Assert.Equal("TCP", (string?)template["containers"]![0]!["ports"]![0]!["protocol"]);
    }

    [Fact]
    public async Task Table_HasTheColumnsPeopleKnow()
    {
        _ = await CreateDeployment("d");

        var table = await server.SendAsync("GET", Deployments, accept: Table);

        Assert.Equal("Table", (string?)table.Body!["kind"]);
        Assert.Equal(["Name", "Ready", "Up-to-date", "Available", "Age", "Containers", "Images", "Selector"],
            table.Body["columnDefinitions"]!.AsArray().Select(c => (string)c!["name"]!));
        Assert.Equal("web", (string?)table.Body["rows"]![0]!["cells"]![5]);
        Assert.Equal("PartialObjectMetadata", (string?)table.Body["rows"]![0]!["object"]!["kind"]);
    }

    [Fact]
    public async Task CustomResource_IsServedDefaultedValidatedAndShown()
    {
        var group = $"g{Guid.NewGuid():N}.example.dev";
        var defined = await server.SendAsync("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", Definition(group));
        Assert.Equal(201, defined.Status);
        var widgets = $"/apis/{group}/v1/namespaces/{_namespace}/widgets";
        await Until(widgets, answer => answer.Status == 200);

        var made = await server.SendAsync("POST", widgets, J($$$$$$$"""{"apiVersion":"{{{{{{{group}}}}}}}/v1","kind":"Widget","metadata":{"name":"w1"},"spec":{"size":3,"extra":1},"status":{"active":"no"}}"""));
        var bad = await server.SendAsync("POST", widgets, J($$$$$$$"""{"apiVersion":"{{{{{{{group}}}}}}}/v1","kind":"Widget","metadata":{"name":"w2"},"spec":{"size":30,"mode":"Sideways"}}"""));
        var status = await server.SendAsync("PATCH", $"{widgets}/w1/status", J("""{"spec":{"size":9},"status":{"active":"blue"}}"""), Merge);
        var table = await server.SendAsync("GET", widgets, accept: Table);

        AssertJson("""{"size":3,"mode":"Auto"}""", made.Body!["spec"]);
        Assert.Null(made.Body["status"]);
        Assert.Equal((422, "Invalid"), (bad.Status, bad.Reason));
        Assert.Contains("spec.size: Invalid value: 30: spec.size in body should be less than or equal to 10", bad.Message, StringComparison.Ordinal);
        Assert.Contains("spec.mode: Unsupported value: \"Sideways\": supported values: \"Auto\", \"Observe\"", bad.Message, StringComparison.Ordinal);
        Assert.Equal((3, "blue"), ((int)status.Body!["spec"]!["size"]!, (string?)status.Body["status"]!["active"]));
        AssertJson("""["w1","blue",3]""", new JsonArray([.. table.Body!["rows"]![0]!["cells"]!.AsArray().Take(3).Select(c => c?.DeepClone())]));
        Assert.Equal(200, (await server.SendAsync("DELETE", $"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{group}")).Status);
        await Until(widgets, answer => answer.Status == 404);
    }

    [Fact]
    public async Task NamespaceDeletion_TakesTheContents()
    {
        _ = await CreateMap("a");

        var marked = await server.SendAsync("DELETE", $"/api/v1/namespaces/{_namespace}");

        Assert.Equal("Terminating", (string?)marked.Body!["status"]!["phase"]);
        await Until($"/api/v1/namespaces/{_namespace}", answer => answer.Status == 404);
        Assert.Equal(404, (await server.SendAsync("GET", $"{ConfigMaps}/a")).Status);
    }

    [Fact]
    public async Task Autoscaler_MinAboveMax_IsRefused()
    {
        var path = $"/apis/autoscaling/v2/namespaces/{_namespace}/horizontalpodautoscalers";
        var made = await server.SendAsync("POST", path, J("""
            {"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"h"},"spec":{"maxReplicas":5,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"d"}}}
            """));
        var refused = await server.SendAsync("PATCH", $"{path}/h", J("""{"spec":{"minReplicas":9}}"""), Merge);

        Assert.Equal((201, 1), (made.Status, (int)made.Body!["spec"]!["minReplicas"]!));
        Assert.Equal("HorizontalPodAutoscaler.autoscaling \"h\" is invalid: spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`", refused.Message);
    }

    [Fact]
    public async Task Request_WithAnUnknownToken_Gets401()
    {
        using var stranger = server.ConnectAs("nobody");

        using var refused = await stranger.GetAsync(ConfigMaps, TestContext.Current.CancellationToken);

        Assert.Equal(401, (int)refused.StatusCode);
    }

    private static JsonNode J(string text) => JsonNode.Parse(text)!;

    private static JsonNode ConfigMap(string name, string data) => J($$$$$$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{{{{{name}}}}}}}"},"data":{{{{{{{data}}}}}}}}""");

    private static JsonNode Definition(string group) => J($$$$$$$"""
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"widgets.{{{{{{{group}}}}}}}"},
         "spec":{"group":"{{{{{{{group}}}}}}}","names":{"plural":"widgets","kind":"Widget"},"scope":"Namespaced","versions":[{"name":"v1","served":true,"storage":true,
          "schema":{"openAPIV3Schema":{"type":"object","properties":{
            "spec":{"type":"object","required":["size"],"properties":{"mode":{"type":"string","default":"Auto","enum":["Auto","Observe"]},"size":{"type":"integer","minimum":1,"maximum":10}}},
            "status":{"type":"object","properties":{"active":{"type":"string"}}}}}},
          "subresources":{"status":{}},
          "additionalPrinterColumns":[{"name":"Active","type":"string","jsonPath":".status.active"},{"name":"Size","type":"integer","jsonPath":".spec.size"}]}]}}
        """);

    private Task<Answer> CreateMap(string name, string labels = "{}") =>
        server.SendAsync("POST", ConfigMaps, J($$$$$$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{{{{{name}}}}}}}","labels":{{{{{{{labels}}}}}}}},"data":{"k":"v"} }"""));

    private Task<Answer> CreateDeployment(string name) => server.SendAsync("POST", Deployments, J($$$$$$$"""
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"{{{{{{{name}}}}}}}"},"spec":{"replicas":0,"selector":{"matchLabels":{"app":"web"}},
         "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"image:1","ports":[{"containerPort":8080}],
          "readinessProbe":{"httpGet":{"path":"/healthz","port":8080}}}]}}}}
        """));

    private async Task<List<JsonNode>> Watch(string path, int count)
    {
        using var response = await server.Http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var events = new List<JsonNode>();
        while (events.Count < count && await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            events.Add(JsonNode.Parse(line)!);
        }

        return events;
    }

    /// <summary>Asks again until the answer fits: for what a controller does a moment later.</summary>
    private async Task Until(string path, Func<Answer, bool> fits)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!fits(await server.SendAsync("GET", path)))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(20), $"{path} did not get there in 20 s");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    private static string Version(JsonNode? body) => (string)body!["metadata"]!["resourceVersion"]!;

    private static IEnumerable<string> Names(JsonNode? list) => list!["items"]!.AsArray().Select(i => (string)i!["metadata"]!["name"]!);

    private static void AssertJson(string expected, JsonNode? actual) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), actual), $"expected {expected}, got {actual?.ToJsonString()}");
}

public sealed class EmbeddedApiServerContract(EmbeddedApiServerFixture server) : ApiServerContract(server), IClassFixture<EmbeddedApiServerFixture>;

[Trait("tier", "cluster")]
public sealed class RealApiServerContract(RealApiServerFixture server) : ApiServerContract(server), IClassFixture<RealApiServerFixture>;
