// The map of the system.
//   dotnet run --project AppHost                                    everything on this machine, with the dashboard
//   dotnet run --project AppHost -- --operation publish --step publish --output-path /tmp/chart      a Helm chart of the same
using Resilience.AppHost.EmbeddedCluster;
using Resilience.AppHost.Publishing;
using Resilience.AppHost.Slots;

var builder = DistributedApplication.CreateBuilder(args);

// The manifests that the lab applies and that the chart is made of.
var manifests = builder.LoadManifests("k8s/intelligent");
builder.AddHelmChart("k8s", manifests);

// Kubernetes itself, as far as this machine needs it: an API server, controllers, and pods that are processes.
var cluster = builder.AddEmbeddedCluster("cluster", manifests);

// Two identical deployments of the web application behind one Service, whose selector points at one of them.
var blue = builder.AddSlot<Projects.Resilience_Web>("web-blue", cluster);
var green = builder.AddSlot<Projects.Resilience_Web>("web-green", cluster);

// Watches both slots and moves the traffic: the only writer of the Service's selector.
builder.AddController<Projects.Resilience_FailoverWatcher>("failover-watcher", cluster)
    .WatchesSlots(blue, green);

// Forecasts demand and sets the replica floor of both slots.
builder.AddController<Projects.Resilience_ScalingAgent_MLNet>("scaling-agent", cluster)
    .WithStore(cluster)
    .WatchesSlots(blue, green);

// Users: a light steady stream from the start, and NBomber's scenarios when somebody starts them.
builder.AddProject<Projects.Resilience_Lab>("load-generator", launchProfileName: null)
    .WithArgs("load", "--rps", "20", "--duration", "24h")
    .WithTrafficTo(cluster);

builder.AddProject<Projects.Resilience_LoadTests>("loadtests", launchProfileName: null)
    .WithArgs("failover")
    .WithTrafficTo(cluster)
    .WithExplicitStart();

builder.Build().Run();
