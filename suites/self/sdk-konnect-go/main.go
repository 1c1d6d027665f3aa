// Drives a Konnect with Kong's own Go SDK, whose typed models reject an answer of another type, enum value or date.
//
//	sdk-konnect-go URL UPSTREAM-HOST UPSTREAM-PORT
//
// The token is the environment variable KONNECT_TOKEN. It makes what the how-to takes for granted, a control plane
// `default` with the service and route `accounts`, and walks through the other operations on things that it deletes
// again. It prints each operation that did what it should, and exits with 1 at the first one that did not.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	sdk "github.com/Kong/sdk-konnect-go"
	"github.com/Kong/sdk-konnect-go/models/components"
	"github.com/Kong/sdk-konnect-go/models/operations"
	"github.com/Kong/sdk-konnect-go/models/sdkerrors"
)

var (
	ctx     = context.Background()
	konnect *sdk.SDK
)

// must ends the program where an operation failed, or what came of it is wrong; else it prints the operation.
func must(operation string, err error, holds ...bool) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", operation, err)
		os.Exit(1)
	}
	for number, held := range holds {
		if !held {
			fmt.Fprintf(os.Stderr, "%s: claim %d about its answer does not hold\n", operation, number+1)
			os.Exit(1)
		}
	}
	fmt.Println(operation)
}

func main() {
	url, host := os.Args[1], os.Args[2]
	port, err := strconv.ParseInt(os.Args[3], 10, 64)
	must("arguments", err)
	konnect = sdk.New(sdk.WithServerURL(url), sdk.WithSecurity(components.Security{
		PersonalAccessToken: sdk.String(os.Getenv("KONNECT_TOKEN")),
	}))
	service := components.ServiceInput{
		Name: sdk.String("accounts"), Host: host, Port: port, Protocol: components.ProtocolHTTP,
	}
	plane := controlPlane("default")
	kept := newService(plane, service)
	newRoute(plane, kept, "accounts")
	planes(plane)
	entities(plane)
	nodes(plane)
}

func controlPlane(name string) string {
	made, err := konnect.ControlPlanes.CreateControlPlane(ctx, components.CreateControlPlaneRequest{
		Name: name, Labels: map[string]string{"made-by": "sdk-konnect-go"},
	})
	must("CreateControlPlane", err, made != nil && made.ControlPlane.Name == name)
	return made.ControlPlane.ID
}

func planes(kept string) {
	spare := controlPlane("spare")
	listed, err := konnect.ControlPlanes.ListControlPlanes(ctx, operations.ListControlPlanesRequest{
		PageSize: sdk.Int64(1), PageNumber: sdk.Int64(2),
	})
	must("ListControlPlanes", err,
		listed != nil && len(listed.ListControlPlanesResponse.Data) == 1,
		listed != nil && listed.ListControlPlanesResponse.Meta.Page.Total == 2)
	changed, err := konnect.ControlPlanes.UpdateControlPlane(ctx, spare, components.UpdateControlPlaneRequest{
		Description: sdk.String("not used"),
	})
	must("UpdateControlPlane", err, changed != nil && *changed.ControlPlane.Description == "not used")
	_, err = konnect.ControlPlanes.CreateControlPlane(ctx, components.CreateControlPlaneRequest{Name: "spare"})
	var taken *sdkerrors.ConflictError
	must("CreateControlPlane with a name that is taken", nil, errors.As(err, &taken))
	_, err = konnect.ControlPlanes.DeleteControlPlane(ctx, spare)
	must("DeleteControlPlane", err)
	_, err = konnect.ControlPlanes.GetControlPlane(ctx, spare)
	var missing *sdkerrors.NotFoundError
	must("GetControlPlane of one that is gone", nil, errors.As(err, &missing))
	shown, err := konnect.ControlPlanes.GetControlPlane(ctx, kept)
	must("GetControlPlane", err, shown != nil && shown.ControlPlane.Labels["made-by"] == "sdk-konnect-go")
}

func newService(plane string, service components.ServiceInput) string {
	made, err := konnect.Services.CreateService(ctx, plane, service)
	must("CreateService", err, made != nil && made.Service.ID != nil)
	return *made.Service.ID
}

func newRoute(plane, service, name string) string {
	made, err := konnect.Routes.CreateRouteWithService(ctx, operations.CreateRouteWithServiceRequest{
		ControlPlaneID: plane, ServiceID: service,
		RouteWithoutParents: components.RouteWithoutParents{Name: &name, Paths: []string{"/" + name}},
	})
	must("CreateRouteWithService", err, made != nil && made.Route.RouteJSON != nil)
	return *made.Route.RouteJSON.ID
}

// entities walks through the gateway's entities with a service that it deletes again.
func entities(plane string) {
	service := newService(plane, components.ServiceInput{
		Name: sdk.String("spare"), Host: "spare.test", Port: 8443, Protocol: components.ProtocolHTTPS,
		Path: sdk.String("/v1"), ReadTimeout: sdk.Int64(5000), Enabled: sdk.Bool(false),
	})
	shown, err := konnect.Services.GetService(ctx, service, plane)
	must("GetService", err, shown != nil && *shown.Service.ReadTimeout == 5000, shown != nil && !*shown.Service.Enabled)
	upserted, err := konnect.Services.UpsertService(ctx, operations.UpsertServiceRequest{
		ControlPlaneID: plane, ServiceID: service, Service: components.ServiceInput{
			Name: sdk.String("spare"), Host: "other.test", Port: 80, Protocol: components.ProtocolHTTP,
			ConnectTimeout: sdk.Int64(1000), Tags: []string{"spare"},
		},
	})
	must("UpsertService", err,
		upserted != nil && *upserted.Service.ID == service,
		upserted != nil && upserted.Service.Host == "other.test")
	services, err := konnect.Services.ListService(ctx, operations.ListServiceRequest{ControlPlaneID: plane})
	must("ListService", err, services != nil && len(services.Object.Data) == 2)

	route := newRoute(plane, service, "spare")
	_, err = konnect.Routes.GetRoute(ctx, route, plane)
	must("GetRoute", err)
	second, err := konnect.Routes.CreateRoute(ctx, plane, components.CreateRouteInputRouteJSONInput(components.RouteJSONInput{
		Name: sdk.String("second"), Paths: []string{"/second"}, Service: &components.RouteJSONService{ID: &service},
	}))
	must("CreateRoute", err, second != nil && second.Route.RouteJSON != nil)
	_, err = konnect.Routes.DeleteRoute(ctx, plane, *second.Route.RouteJSON.ID)
	must("DeleteRoute of the second", err)
	routes, err := konnect.Routes.ListRoute(ctx, operations.ListRouteRequest{ControlPlaneID: plane})
	must("ListRoute", err, routes != nil && len(routes.Object.Data) == 2)
	of, err := konnect.Routes.ListRouteWithService(ctx, operations.ListRouteWithServiceRequest{
		ControlPlaneID: plane, ServiceID: service,
	})
	must("ListRouteWithService", err, of != nil && len(of.Object.Data) == 1)

	plugin, err := konnect.Plugins.CreatePluginWithService(ctx, operations.CreatePluginWithServiceRequest{
		ControlPlaneID: plane, ServiceID: service, PluginWithoutParents: components.PluginWithoutParents{
			Name: "openid-connect", Config: map[string]any{"issuer": "https://issuer.test"},
		},
	})
	must("CreatePluginWithService", err, plugin != nil && plugin.Plugin.Config["issuer"] == "https://issuer.test")
	_, err = konnect.Plugins.GetPlugin(ctx, *plugin.Plugin.ID, plane)
	must("GetPlugin", err)
	plugins, err := konnect.Plugins.ListPlugin(ctx, operations.ListPluginRequest{ControlPlaneID: plane})
	must("ListPlugin", err, plugins != nil && len(plugins.Object.Data) == 1)
	_, err = konnect.Plugins.DeletePlugin(ctx, plane, *plugin.Plugin.ID)
	must("DeletePlugin", err)

	consumer, err := konnect.Consumers.CreateConsumer(ctx, plane, components.ConsumerInput{
		Username: sdk.String("accounting"),
	})
	must("CreateConsumer", err, consumer != nil && *consumer.Consumer.Username == "accounting")
	changed, err := konnect.Consumers.UpsertConsumer(ctx, operations.UpsertConsumerRequest{
		ControlPlaneID: plane, ConsumerID: *consumer.Consumer.ID,
		Consumer: components.ConsumerInput{Username: sdk.String("accounting"), CustomID: sdk.String("7")},
	})
	must("UpsertConsumer", err, changed != nil && *changed.Consumer.CustomID == "7")
	_, err = konnect.Consumers.GetConsumer(ctx, *consumer.Consumer.ID, plane)
	must("GetConsumer", err)
	consumers, err := konnect.Consumers.ListConsumer(ctx, operations.ListConsumerRequest{ControlPlaneID: plane})
	must("ListConsumer", err, consumers != nil && len(consumers.Object.Data) == 1)
	_, err = konnect.Consumers.DeleteConsumer(ctx, plane, *consumer.Consumer.ID)
	must("DeleteConsumer", err)

	_, err = konnect.Routes.DeleteRoute(ctx, plane, route)
	must("DeleteRoute", err)
	_, err = konnect.Services.DeleteService(ctx, plane, service)
	must("DeleteService", err)
	_, err = konnect.Services.GetService(ctx, service, plane)
	must("GetService of one that is gone", nil, err != nil)
}

func nodes(plane string) {
	expected, err := konnect.DPNodes.GetExpectedConfigHash(ctx, plane)
	must("GetExpectedConfigHash", err, expected != nil)
	hash := expected.GetExpectedConfigHashResponse.ExpectedHash
	listed, err := konnect.DPNodes.ListDataplaneNodes(ctx, operations.ListDataplaneNodesRequest{ControlPlaneID: plane})
	must("ListDataplaneNodes", err, listed != nil && len(listed.ListNodes.Items) == 2)
	for _, node := range listed.ListNodes.Items {
		shown, err := konnect.DPNodes.GetNodesNodeID(ctx, operations.GetNodesNodeIDRequest{
			ControlPlaneID: plane, NodeID: *node.ID,
		})
		must("GetNodesNodeID", err, shown != nil && *shown.GetNode.Item.ConfigHash == hash)
	}
}
