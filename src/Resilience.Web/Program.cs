var builder = WebApplication.CreateSlimBuilder(args);
builder.AddServiceDefaults(options => options.HttpResilience = false);
builder.AddPodEndpoints();
var app = builder.Build();
app.MapDefaultEndpoints();
app.MapGet("/", () => "hello");
await app.RunAsync();
