using Resilience.Lab.Cli;
using Resilience.Lab.Images;

namespace Resilience.Lab.Tests.Images;

public sealed class ImageLoaderTests
{
    [Theory]
    //          asked   cluster context      installed            command
    [InlineData(null, null, "kind-dev", "kind,minikube", "kind load image-archive a.tar --name dev")]
    [InlineData(null, null, "k3d-lab", "k3d", "k3d image import a.tar --cluster lab")]
    [InlineData(null, null, "minikube", "kind,minikube", "minikube image load a.tar --profile minikube")]
    [InlineData(null, null, null, "minikube", "minikube image load a.tar --profile minikube")]
    [InlineData("containerd", null, "elsewhere", "ctr", "ctr --namespace k8s.io images import a.tar")]
    [InlineData(null, null, null, "ctr", "ctr --namespace k8s.io images import a.tar")]
    [InlineData("k3s", null, "default", "k3s,ctr", "k3s ctr images import a.tar")]
    [InlineData("kind", "other", "kind-dev", "kind", "kind load image-archive a.tar --name other")]
    [InlineData("minikube", null, "kind-dev", "minikube", "minikube image load a.tar --profile minikube")]   // another kind's cluster name says nothing
    public void Command_FollowsWishContextAndWhatIsInstalled(string? asked, string? cluster, string? context, string installed, string expected)
    {
        var target = ImageLoader.Choose(asked, cluster, context, installed.Split(',').Contains);
        Assert.Equal(expected, string.Join(' ', ImageLoader.Command(target, "a.tar")));
    }

    [Theory]
    [InlineData(null, "kind-dev", "minikube", "\"kind\" is not on PATH")]
    [InlineData(null, "acme-staging", "ctr,kind", "does not tell what runs its nodes")]
    [InlineData("containerd", null, "kind", "\"ctr\" is not on PATH")]
    [InlineData(null, null, "docker", "none of kind, k3d, minikube, k3s, microk8s, ctr is on PATH")]
    public void Choose_WithNothingThatCanLoad_SaysSo(string? asked, string? context, string installed, string expected) => Assert.Contains(
        expected, Assert.Throws<LabException>(() => ImageLoader.Choose(asked, null, context, installed.Split(',').Contains)).Line, StringComparison.Ordinal);
}
