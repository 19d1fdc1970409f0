using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace Resilience.LocalCluster.Api;

/// <summary>
/// Reads the Kubernetes protobuf envelope for the kinds that <c>kubectl create</c> and <c>kubectl auth can-i</c> send that way and
/// in no other: kubectl has no option to make them JSON. Answers are always JSON, which clients accept.
/// </summary>
internal static class Protobuf
{
    private const string Magic = "k8s\0";

    /// <summary>Field number → name and kind, by message.</summary>
    private static readonly Dictionary<string, Dictionary<int, (string Name, string Kind)>> Messages = new(StringComparer.Ordinal)
    {
        ["Unknown"] = Fields("1 typeMeta TypeMeta", "2 raw bytes"),
        ["TypeMeta"] = Fields("1 apiVersion string", "2 kind string"),
        ["ObjectMeta"] = Fields("1 name string", "2 generateName string", "3 namespace string", "5 uid string", "6 resourceVersion string",
            "11 labels map", "12 annotations map", "14 finalizers [string"),
        ["ConfigMap"] = Fields("1 metadata ObjectMeta", "2 data map", "3 binaryData bytesmap", "4 immutable bool"),
        ["Secret"] = Fields("1 metadata ObjectMeta", "2 data bytesmap", "3 type string", "4 stringData map", "5 immutable bool"),
        ["Namespace"] = Fields("1 metadata ObjectMeta"),
        ["ServiceAccount"] = Fields("1 metadata ObjectMeta", "4 automountServiceAccountToken bool"),
        ["SelfSubjectAccessReview"] = Fields("1 metadata ObjectMeta", "2 spec AccessReviewSpec"),
        ["AccessReviewSpec"] = Fields("1 resourceAttributes ResourceAttributes", "2 nonResourceAttributes NonResourceAttributes"),
        ["ResourceAttributes"] = Fields("1 namespace string", "2 verb string", "3 group string", "4 version string", "5 resource string",
            "6 subresource string", "7 name string"),
        ["NonResourceAttributes"] = Fields("1 path string", "2 verb string"),
        ["SelfSubjectRulesReview"] = Fields("1 metadata ObjectMeta", "2 spec RulesReviewSpec"),
        ["RulesReviewSpec"] = Fields("1 namespace string"),
        ["SelfSubjectReview"] = Fields("1 metadata ObjectMeta"),
        ["TokenRequest"] = Fields("1 metadata ObjectMeta", "2 spec TokenRequestSpec"),
        ["TokenRequestSpec"] = Fields("1 audiences [string", "4 expirationSeconds int"),
        ["Eviction"] = Fields("1 metadata ObjectMeta", "2 deleteOptions DeleteOptions"),
        ["DeleteOptions"] = Fields("1 gracePeriodSeconds int", "4 propagationPolicy string", "5 dryRun [string"),
        ["Role"] = Fields("1 metadata ObjectMeta", "2 rules [PolicyRule"),
        ["ClusterRole"] = Fields("1 metadata ObjectMeta", "2 rules [PolicyRule"),
        ["PolicyRule"] = Fields("1 verbs [string", "2 apiGroups [string", "3 resources [string", "4 resourceNames [string", "5 nonResourceURLs [string"),
        ["RoleBinding"] = Fields("1 metadata ObjectMeta", "2 subjects [Subject", "3 roleRef RoleRef"),
        ["ClusterRoleBinding"] = Fields("1 metadata ObjectMeta", "2 subjects [Subject", "3 roleRef RoleRef"),
        ["Subject"] = Fields("1 kind string", "2 apiGroup string", "3 name string", "4 namespace string"),
        ["Deployment"] = Fields("1 metadata ObjectMeta", "2 spec DeploymentSpec"),
        ["DeploymentSpec"] = Fields("1 replicas int", "2 selector LabelSelector", "3 template PodTemplateSpec", "4 strategy DeploymentStrategy", "5 minReadySeconds int"),
        ["DeploymentStrategy"] = Fields("1 type string"),
        ["LabelSelector"] = Fields("1 matchLabels map"),
        ["PodTemplateSpec"] = Fields("1 metadata ObjectMeta", "2 spec PodSpec"),
        ["PodSpec"] = Fields("2 containers [Container", "3 restartPolicy string", "8 serviceAccountName string"),
        ["Container"] = Fields("1 name string", "2 image string", "3 command [string", "4 args [string", "6 ports [ContainerPort", "7 env [EnvVar", "14 imagePullPolicy string"),
        ["ContainerPort"] = Fields("1 name string", "3 containerPort int", "4 protocol string"),
        ["EnvVar"] = Fields("1 name string", "2 value string"),
        ["Job"] = Fields("1 metadata ObjectMeta", "2 spec JobSpec"),
        ["JobSpec"] = Fields("1 parallelism int", "2 completions int", "3 activeDeadlineSeconds int", "6 template PodTemplateSpec", "7 backoffLimit int"),
        ["Service"] = Fields("1 metadata ObjectMeta", "2 spec ServiceSpec"),
        ["ServiceSpec"] = Fields("1 ports [ServicePort", "2 selector map", "3 clusterIP string", "4 type string", "7 sessionAffinity string", "10 externalName string"),
        ["ServicePort"] = Fields("1 name string", "2 protocol string", "3 port int", "4 targetPort IntOrString", "5 nodePort int"),
        ["PodDisruptionBudget"] = Fields("1 metadata ObjectMeta", "2 spec PodDisruptionBudgetSpec"),
        ["PodDisruptionBudgetSpec"] = Fields("1 minAvailable IntOrString", "2 selector LabelSelector", "3 maxUnavailable IntOrString"),
        ["HorizontalPodAutoscaler"] = Fields("1 metadata ObjectMeta", "2 spec HorizontalPodAutoscalerSpec"),
        ["HorizontalPodAutoscalerSpec"] = Fields("1 scaleTargetRef CrossVersionObjectReference", "2 minReplicas int", "3 maxReplicas int", "4 targetCPUUtilizationPercentage int"),
        ["CrossVersionObjectReference"] = Fields("1 kind string", "2 name string", "3 apiVersion string"),
        ["IntOrString"] = Fields("1 type int", "2 intVal int", "3 strVal string"),
        ["RoleRef"] = Fields("1 apiGroup string", "2 kind string", "3 name string"),
    };

    /// <summary>Null when the bytes are not such an envelope or hold another kind.</summary>
    public static JsonObject? Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 4 || !bytes[..4].SequenceEqual(Encoding.ASCII.GetBytes(Magic)))
        {
            return null;
        }

        try
        {
            var envelope = Message(bytes[4..], "Unknown");
            var kind = envelope["typeMeta"]?["kind"]?.GetValue<string>() ?? "";
            if (!Messages.ContainsKey(kind) || envelope["raw"] is not { } raw)
            {
                return null;
            }

            var body = Message(Convert.FromBase64String(raw.GetValue<string>()), kind);
            body["kind"] = kind;
            body["apiVersion"] = envelope["typeMeta"]?["apiVersion"]?.DeepClone();
            return body;
        }
        catch (ArgumentException)
        {
            return null;   // truncated
        }
    }

    private static JsonObject Message(ReadOnlySpan<byte> bytes, string type)
    {
        var message = new JsonObject();
        while (bytes.Length > 0)
        {
            var tag = Varint(ref bytes);
            var wire = (int)(tag & 7);
            var field = Messages[type].GetValueOrDefault((int)(tag >> 3));
            switch (wire)
            {
                case 0:
                    var number = Varint(ref bytes);
                    if (field.Name is not null)
                    {
                        message[field.Name] = field.Kind == "bool" ? number != 0 : (long)number;
                    }

                    break;
                case 1:
                    bytes = bytes[8..];
                    break;
                case 5:
                    _ = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
                    bytes = bytes[4..];
                    break;
                default:
                    var length = (int)Varint(ref bytes);
                    if (field.Name is not null)
                    {
                        Put(message, field.Name, field.Kind, bytes[..length]);
                    }

                    bytes = bytes[length..];
                    break;
            }
        }

        return message;
    }

    private static void Put(JsonObject message, string name, string kind, ReadOnlySpan<byte> value)
    {
        switch (kind)
        {
            case "string":
                if (value.Length > 0)
                {
                    message[name] = Encoding.UTF8.GetString(value);
                }

                break;
            case "bytes":
                message[name] = Convert.ToBase64String(value);
                break;
            case "map" or "bytesmap":
                var map = message[name] as JsonObject ?? [];
                message[name] ??= map;
                var (key, content) = Entry(value, kind == "bytesmap");
                map[key] = content;
                break;
            case var list when list[0] == '[':
                var items = message[name] as JsonArray ?? [];
                message[name] ??= items;
                items.Add(kind == "[string" ? JsonValue.Create(Encoding.UTF8.GetString(value)) : Message(value, kind[1..]));
                break;
            case "IntOrString":
                var either = Message(value, kind);
                message[name] = either["type"]?.GetValue<long>() == 1 ? either["strVal"]?.DeepClone() : either["intVal"]?.DeepClone() ?? 0;
                break;
            default:
                message[name] = Message(value, kind);
                break;
        }
    }

    private static (string Key, string Value) Entry(ReadOnlySpan<byte> bytes, bool binary)
    {
        var (key, value) = ("", "");
        while (bytes.Length > 0)
        {
            var field = Varint(ref bytes) >> 3;
            var length = (int)Varint(ref bytes);
            if (field == 1)
            {
                key = Encoding.UTF8.GetString(bytes[..length]);
            }
            else
            {
                value = binary ? Convert.ToBase64String(bytes[..length]) : Encoding.UTF8.GetString(bytes[..length]);
            }

            bytes = bytes[length..];
        }

        return (key, value);
    }

    private static ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (bytes.Length == 0)
            {
                throw new ArgumentException("truncated");
            }

            var part = bytes[0];
            bytes = bytes[1..];
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        return value;
    }

    private static Dictionary<int, (string, string)> Fields(params string[] fields) =>
        fields.Select(static f => f.Split(' ')).ToDictionary(static f => int.Parse(f[0], null), static f => (f[1], f[2]));
}
